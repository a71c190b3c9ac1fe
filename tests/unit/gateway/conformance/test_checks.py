"""What a task asks beyond its contract: rules, grounding, a second model, and how it may end."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.outcome import OutcomeKind
from gateway.errors import EngineError, OutputInvalidError, SchemaUnsupportedError
from gateway.records import Job, StreamMode, Tool
from tests.unit.gateway.conformance.walks import INVALID, INVOICE, LARGE, VALID, Walker, invalid
from tests.unit.gateway.fakes import make_chat, make_job, make_route, make_task, said, schema_output

SOURCE = "Invoice A-1029, total USD 1,248.50"
POSITIVE = {
    "rules": [
        {"name": "positive", "expression": "output.total > 0.0", "message": "is not", "pointer": "/total"}
    ]
}
GROUNDED = {"grounding": {"pointers": ["/id", "/total"]}}
CONFIRMED = {"verifier": {"model": "large-model", "question": "{{ input }} {{ answer }}?"}}
NEGATIVE = VALID.replace("1248.5", "-1.0")
ELSEWHERE = VALID.replace("A-1029", "B-7")


def asked(verification: dict[str, Any], *, is_stream: bool = False, **policy: Any) -> Job:
    task = make_task(
        output={"kind": "json_schema", "schema": INVOICE.json_schema},
        verification=verification,
        policy=policy,
    )
    return make_job(INVOICE, stream=is_stream, route=make_route(task=task))


@pytest.mark.parametrize(
    ("verification", "wrong", "kind", "pointer"),
    [(POSITIVE, NEGATIVE, "rule", "/total"), (GROUNDED, ELSEWHERE, "grounding", "/id")],
)
async def test_an_answer_that_fails_a_check_is_asked_again_and_else_never_leaves(
    walk: Walker, verification: dict[str, Any], wrong: str, kind: str, pointer: str
) -> None:
    chat = make_chat(SOURCE)
    mended = await walk(asked(verification), said(wrong), said(VALID), chat=chat)
    assert (mended.outcome, mended.text) == (OutcomeKind.REPAIRED, VALID)
    assert mended.rungs == [("first", kind), ("reask", None)]
    failed = await walk(asked(verification), said(wrong), said(wrong), chat=chat)
    assert pointer in invalid(failed)
    assert isinstance(failed.error, OutputInvalidError)
    assert (failed.error.failure, failed.error.details[0]["pointer"]) == (kind, pointer)


async def test_a_second_model_is_asked_last_and_its_cost_counts(walk: Walker) -> None:
    walked = await walk(asked(CONFIRMED), said(VALID), said("yes", tokens=1), chat=make_chat(SOURCE))
    assert (walked.outcome, walked.text) == (OutcomeKind.VALID, VALID)
    assert walked.rungs == [("verifier", None), ("first", None)]
    assert [attempt.cost_usd for attempt in walked.trace.attempts] == [1.0, 0.05]
    question = walked.generate.jobs[1]
    assert (question.route.pool, question.route.model) == ("large", "large-model")
    assert SOURCE in str(question.messages[-1]["content"])
    assert VALID in str(question.messages[-1]["content"])


async def test_what_the_second_model_does_not_confirm_never_leaves(walk: Walker) -> None:
    answers = (said(VALID), said("no"), said(VALID), said("maybe"))
    walked = await walk(asked(CONFIRMED), *answers, chat=make_chat(SOURCE))
    invalid(walked)
    assert [rung for rung in walked.rungs if rung[0] != "verifier"] == [
        ("first", "verifier"),
        ("reask", "verifier"),
    ]


async def test_it_is_not_asked_about_what_is_wrong_already(walk: Walker) -> None:
    walked = await walk(asked(CONFIRMED), said(INVALID), said(VALID), said("yes"), chat=make_chat(SOURCE))
    assert walked.outcome is OutcomeKind.REPAIRED
    assert [kind for kind, _ in walked.rungs] == ["first", "verifier", "reask"]


async def test_a_second_model_that_is_down_leaves_the_answer_unproven(walk: Walker) -> None:
    walked = await walk(asked(CONFIRMED), said(VALID), EngineError("down"), chat=make_chat(SOURCE))
    assert (walked.error.code, walked.items) == ("engine_error", [])  # type: ignore[union-attr]
    assert "verifying model" in walked.error.message  # type: ignore[union-attr]


async def test_a_stream_with_checks_is_held_back_unless_asked_otherwise(walk: Walker) -> None:
    held = await walk(asked(POSITIVE, is_stream=True), said(NEGATIVE), said(VALID))
    assert (held.outcome, held.text) == (OutcomeKind.REPAIRED, VALID)
    passed = await walk(asked(POSITIVE, is_stream=True, stream="passthrough"), said(NEGATIVE))
    assert (passed.text, passed.rungs) == (NEGATIVE, [("first", "rule")])
    chat = make_chat(stream=True, stream_mode=StreamMode.VERIFIED)
    asked_for = await walk(asked({}, is_stream=True, stream="passthrough"), said(VALID), chat=chat)
    assert not asked_for.generate.jobs[0].stream


async def test_a_task_may_end_in_a_refusal(walk: Walker) -> None:
    job = asked(POSITIVE, on_unproven="refuse", refusal="I cannot tell.")
    walked = await walk(job, said(NEGATIVE), said(NEGATIVE))
    assert walked.outcome is OutcomeKind.REFUSED
    assert (walked.deltas[0].refusal, walked.text) == ("I cannot tell.", "")
    assert walked.rungs == [("first", "rule"), ("reask", "rule")]
    down = await walk(job, EngineError("down"))
    assert isinstance(down.error, EngineError)


@pytest.mark.parametrize("text", [f"```json\n{VALID}\n```", f"```\n{VALID}```\n", f"\ufeff{VALID}"])
async def test_what_only_surrounds_an_answer_is_taken_off_without_asking_again(
    walk: Walker, text: str
) -> None:
    walked = await walk(make_job(INVOICE), said(text), escalation=LARGE)
    assert (walked.outcome, walked.text) == (OutcomeKind.REPAIRED, VALID)
    assert walked.rungs == [("first", None)]


@pytest.mark.parametrize(
    "text", [f"Here it is: {VALID}", f"```json\n{VALID}\n```\nDone.", VALID + "}", VALID[:-1] + ",}"]
)
async def test_nothing_is_guessed(walk: Walker, text: str) -> None:
    walked = await walk(make_job(INVOICE), said(text), said(VALID))
    assert walked.rungs == [("first", "json"), ("reask", None)]


DISTINCT = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}


async def test_strict_wants_all_of_a_schema_forced_unless_told_otherwise(walk: Walker) -> None:
    strict = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "(?=x)x"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    job = make_job(schema_output(strict, strict=True))
    refused = await walk(job)
    assert isinstance(refused.error, SchemaUnsupportedError)
    assert refused.error.details[0]["pointer"] == "/properties/a/pattern"
    assert "allow_partial_grammar" in refused.error.message
    allowed = await walk(job, said('{"a":"x"}'), chat=make_chat(allow_partial_grammar=True))
    assert allowed.outcome is OutcomeKind.VALID
    forced = allowed.generate.jobs[0].forced
    assert "pattern" not in forced.json_schema["properties"]["a"]  # type: ignore[union-attr, index]
    upstream = make_job(schema_output(strict, strict=True), route=make_route(pool="large"))
    assert (await walk(upstream, said('{"a":"x"}'))).outcome is OutcomeKind.VALID


async def test_without_strict_the_rest_is_verified_unless_told_otherwise(walk: Walker) -> None:
    walked = await walk(make_job(schema_output(DISTINCT)), said("[1,1]"), said("[1,2]"))
    assert (walked.outcome, walked.text) == (OutcomeKind.REPAIRED, "[1,2]")
    refused = await walk(make_job(schema_output(DISTINCT)), chat=make_chat(allow_partial_grammar=False))
    assert isinstance(refused.error, SchemaUnsupportedError)


async def test_a_tool_that_breaks_strict_mode_is_named_by_its_place(walk: Walker) -> None:
    loose = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = (Tool("fine", "", {"type": "object"}), Tool("loose", "", loose, strict=True))
    walked = await walk(make_job(), chat=make_chat(tools=tools))
    assert isinstance(walked.error, SchemaUnsupportedError)
    assert walked.error.param == "tools.1.function.parameters"
    assert walked.error.details[0]["pointer"] == "/additionalProperties"


async def test_a_strict_tool_wants_all_of_its_schema_forced(walk: Walker) -> None:
    pattern = {"type": "string", "pattern": "(?=x)x"}
    parameters = {
        "type": "object",
        "properties": {"a": pattern},
        "required": ["a"],
        "additionalProperties": False,
    }
    tools = (Tool("f", "", parameters, strict=True),)
    refused = await walk(make_job(tools=tools))
    assert isinstance(refused.error, SchemaUnsupportedError)
    assert refused.error.param == "tools.0.function.parameters"
    chat = make_chat(tools=tools, allow_partial_grammar=True)
    called = await walk(make_job(tools=tools), said('{"name":"f","arguments":{"a":"x"}}'), chat=chat)
    assert called.deltas[0].tool_calls[0].arguments == '{"a":"x"}'
