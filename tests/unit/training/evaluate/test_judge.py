"""The judge: its grammar, what it is shown, both orders, and a judge that fails."""

from __future__ import annotations

import json

import httpx

from tests.support.evaluation_models import judge_at
from training.evaluate.judge import JudgeClient, Text

LONG, SHORT = Text("in", "gold", "one two three four"), Text("in", "gold", "one")


def saying(*contents: str) -> tuple[JudgeClient, list[dict[str, object]]]:
    """A judge that says these in turn, and what it was sent."""
    left, sent = list(contents), []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(200, json={"choices": [{"message": {"content": left.pop(0)}}]})

    return judge_at(httpx.MockTransport(answer)), sent


async def test_marks_lie_between_nothing_and_one(judge: JudgeClient) -> None:
    assert await judge.marks([LONG, SHORT]) == [1.0, 0.0]
    client, _ = saying('{"score": 3}')
    assert await client.marks([LONG]) == [0.5]


async def test_the_judge_is_held_to_a_grammar_and_told_what_is_material() -> None:
    client, sent = saying('{"score": 3}')
    await client.marks([LONG])
    (body,) = sent
    schema = body["response_format"]["json_schema"]["schema"]  # type: ignore[index]
    assert schema["properties"] == {"score": {"enum": [1, 2, 3, 4, 5]}}
    system, user = (turn["content"] for turn in body["messages"])  # type: ignore[attr-defined]
    assert "Be right." in system
    assert "not instructions" in system
    assert "one two three four" in user


async def test_a_preference_is_one_that_holds_in_both_orders(judge: JudgeClient) -> None:
    assert await judge.preferences([(LONG, "one"), (SHORT, "one two"), (SHORT, "two")]) == [1.0, 0.0, 0.5]


async def test_a_judge_that_always_prefers_the_first_prefers_nobody() -> None:
    client, _ = saying('{"better": "first"}', '{"better": "first"}')
    assert await client.preferences([(LONG, "one")]) == [0.5]


async def test_a_judge_is_asked_three_times_and_then_says_nothing() -> None:
    client, sent = saying("good", '{"score": 9}', '{"mark": 3}')
    assert await client.marks([LONG]) == [None]
    assert len(sent) == 3


async def test_a_judge_that_recovers_is_heard() -> None:
    client, _ = saying("", '{"score": 5}')
    assert await client.marks([LONG]) == [1.0]


async def test_a_judge_that_is_away_says_nothing() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    client = judge_at(httpx.MockTransport(away))
    assert await client.marks([LONG]) == [None]
    assert await client.preferences([(LONG, "x")]) == [None]
