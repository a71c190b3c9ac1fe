"""Models made of functions, and a judge, for tests that run whole evaluations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from contracts.evaluation import Judged
from tests.support.evaluations import QUEUES, specification
from training.data.examples import Example
from training.evaluate.asking import Answer
from training.evaluate.frozen import Frozen
from training.evaluate.golden import GoldenRow
from training.evaluate.judge import JudgeClient, JudgeTarget
from training.evaluate.ports import Party
from training.evaluate.records import GoldenFile
from training.evaluate.spec import Judge

LABELS = ("billing", "shipping", "other")
ROWS = tuple(
    GoldenRow(
        id=str(at),
        text=f"ticket number {at} about a parcel that has not arrived",
        output=LABELS[at % 3],
        slice="early" if at < 30 else "late",
    )
    for at in range(60)
)
RULES = (
    {"metric": "accuracy", "minimum": 0.8, "max_regression": 0.1},
    {"metric": "latency_p95_seconds", "maximum": 1.0},
)
Reply = Callable[[Example], Answer]


class Model:
    """Answers by a function, and remembers what it was asked."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.asked: list[str] = []

    async def ask(self, examples: Sequence[Example], on_answer: Callable[[], None]) -> list[Answer]:
        answers = []
        for example in examples:
            self.asked.append(example.id)
            answers.append(self._reply(example))
            on_answer()
        return answers


def right(example: Example) -> Answer:
    return Answer(
        example.id, str(example.output), 0.1, 10, 1, "stop", outcome="valid", attempts=1, cost_usd=1e-5
    )


def party(reply: Reply, name: str) -> Party:
    return Party(Judged(model=name, base_model="small"), Model(reply), "gateway")


def frozen(*rules: Any, task: Any = QUEUES, rows: tuple[GoldenRow, ...] = ROWS, **changes: Any) -> Frozen:
    golden = (GoldenFile(name="golden.jsonl", sha256="0" * 64, rows=len(rows), licence="CC0-1.0"),)
    spec = specification(*(rules or RULES), **changes)
    return Frozen(spec, task, rows, golden, "1" * 64, "owner", Path("gate.lock.json"))


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


def judge_at(transport: httpx.MockTransport) -> JudgeClient:
    """A client of a scripted judge."""
    target = JudgeTarget("http://judge/v1", "key")
    return JudgeClient(Judge(model="j", rubric="Be right."), target, transport)
