"""A judge that likes the long answer, and answers in its grammar."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from training.evaluate.judge import JudgeClient, JudgeTarget
from training.evaluate.spec import Judge


def prefer_long(request: httpx.Request) -> httpx.Response:
    """The full score for an answer of four words, the first or second by length."""
    body = json.loads(request.content)
    text = body["messages"][1]["content"]
    parts = dict(re.findall(r"<(answer|first|second)>\n(.*?)\n</", text, re.DOTALL))
    if "answer" in parts:
        said: dict[str, object] = {"score": 5 if len(parts["answer"].split()) == 4 else 1}
    else:
        first, second = len(parts["first"]), len(parts["second"])
        said = {"better": "tie" if first == second else "first" if first > second else "second"}
    return httpx.Response(200, json={"choices": [{"message": {"content": json.dumps(said)}}]})


@pytest.fixture
def judge() -> JudgeClient:
    """A client of that judge."""
    return judge_at(httpx.MockTransport(prefer_long))


def judge_at(transport: httpx.MockTransport) -> JudgeClient:
    """A client of a scripted judge."""
    target = JudgeTarget("http://judge/v1", "key")
    return JudgeClient(Judge(model="j", rubric="Be right."), target, transport)
