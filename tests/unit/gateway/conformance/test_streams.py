"""Streams: what passes through is proven at its end, what is held back like any answer."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.outcome import OutcomeKind, Usage
from gateway.errors import EngineError, OutputInvalidError
from gateway.records import Delta, ReplySummary, StreamMode
from tests.unit.gateway.conformance.walks import CALLER, INVALID, INVOICE, LARGE, VALID, Walker
from tests.unit.gateway.fakes import (
    FakeGenerate,
    FakeTrace,
    make_chat,
    make_job,
    make_route,
    said,
    schema_output,
)


def stream(text: str, finish: str = "stop") -> list[Delta]:
    return [
        *(Delta(text=part) for part in text.partition(":")),
        Delta(finish_reason=finish),
        Delta(usage=Usage(1, 2)),
    ]


async def test_a_guarded_stream_passes_through_and_is_proven_at_its_end(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE, stream=True), stream(VALID))
    assert walked.deltas == stream(VALID)
    assert walked.outcome is OutcomeKind.VALID
    assert walked.generate.jobs[0].stream


async def test_a_stream_that_fails_at_its_end_raises_after_its_deltas(walk: Walker) -> None:
    walked = await walk(
        make_job(INVOICE, stream=True), stream(VALID, "length"), said(VALID), escalation=LARGE
    )
    assert isinstance(walked.error, OutputInvalidError)
    assert walked.text == VALID
    assert not any(isinstance(item, ReplySummary) for item in walked.items)
    assert walked.rungs == [("first", "truncated")]
    assert walked.trace.attempts[0].usage == Usage(1, 2)


async def test_a_stream_that_cannot_become_valid_is_stopped_at_once(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE, stream=True), stream(INVALID))
    assert isinstance(walked.error, OutputInvalidError)
    assert walked.text == '{"id":'
    assert "byte 6" in walked.error.details[0]["message"]
    assert walked.rungs == [("first", "format")]
    assert walked.generate.closed == 1


async def test_what_no_grammar_forces_is_held_back_or_found_at_the_end(walk: Walker) -> None:
    distinct = schema_output({"type": "array", "items": {"type": "integer"}, "uniqueItems": True})
    held = await walk(make_job(distinct, stream=True), said("[1,1]"), said("[1,2]"))
    assert (held.outcome, held.text) == (OutcomeKind.REPAIRED, "[1,2]")
    chat = make_chat(stream=True, stream_mode=StreamMode.PASSTHROUGH)
    passed = await walk(make_job(distinct, stream=True), stream("[1,1]"), chat=chat)
    assert isinstance(passed.error, OutputInvalidError)
    assert (passed.text, passed.rungs) == ("[1,1]", [("first", "schema")])


async def test_an_upstream_may_order_keys_as_it_likes_but_must_write_json(walk: Walker) -> None:
    chat = make_chat(stream=True, stream_mode=StreamMode.PASSTHROUGH)
    job = make_job(INVOICE, stream=True, route=make_route(pool="large"))
    swapped = '{"total":1248.5, "id":"A-1029"}'
    assert (await walk(job, stream(swapped), chat=chat)).outcome is OutcomeKind.VALID
    prose = await walk(job, stream("Sure: here it is"), chat=chat)
    assert (prose.text, prose.rungs) == ("", [("first", "format")])


async def test_a_stream_that_breaks_keeps_its_attempt(walk: Walker) -> None:
    broken: list[Any] = [Delta(text="{"), EngineError("cut")]
    walked = await walk(make_job(INVOICE, stream=True), broken)
    assert (walked.error.code, walked.text) == ("engine_error", "{")
    assert walked.rungs == [("first", "engine_error")]


@pytest.mark.parametrize(
    ("pool", "mode", "passes"),
    [
        ("small", None, True),
        ("large", None, False),
        ("small", StreamMode.VERIFIED, False),
        ("large", StreamMode.PASSTHROUGH, True),
    ],
)
async def test_a_stream_is_held_back_where_no_grammar_guards_it(
    walk: Walker, pool: str, mode: StreamMode | None, passes: bool
) -> None:
    job = make_job(INVOICE, stream=True, route=make_route(pool=pool))
    chat = make_chat(stream=True, stream_mode=mode)
    walked = await walk(job, stream(VALID), chat=chat)
    assert (walked.deltas == stream(VALID)) is passes
    assert walked.text == VALID
    assert walked.generate.jobs[0].stream is passes


async def test_a_held_stream_is_repaired_like_any_answer(walk: Walker) -> None:
    chat = make_chat(stream=True, stream_mode=StreamMode.VERIFIED)
    walked = await walk(make_job(INVOICE, stream=True), said(INVALID), said(VALID), chat=chat)
    assert (walked.outcome, walked.text) == (OutcomeKind.REPAIRED, VALID)


async def test_a_client_that_goes_leaves_its_attempt(walk: Walker) -> None:
    trace = FakeTrace()
    generate = FakeGenerate([Delta(text="a"), Delta(text="b")])
    reply = walk.conformer().conform(CALLER, make_chat(stream=True), make_job(stream=True), generate, trace)
    await anext(reply)
    await reply.aclose()
    assert [(attempt.kind, attempt.failure) for attempt in trace.attempts] == [("first", "client_closed")]
