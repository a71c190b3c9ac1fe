"""No unverified structured answer ends as success."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.canonical import canonical_json
from gateway.conformance import Attempts, EscalationTarget, LadderConformer, Promises, TaskChecks
from gateway.errors import EngineError, OutputInvalidError, SchemaUnsupportedError
from gateway.records import Delta, Job, Principal, ReplyDelta, ReplySummary, StreamMode
from tests.property.strategies import JSON, SCHEMAS, instances
from tests.support.inline_workers import inline_intake
from tests.unit.gateway.fakes import (
    Answer,
    FakeClock,
    FakeGenerate,
    FakeTrace,
    call_ids,
    make_chat,
    make_job,
    schema_output,
)

FINISHES = st.sampled_from(["stop", "stop", "stop", "length", None])


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], list[Answer]]:
    """A schema and three drafts: valid, nearly valid, broken, or an engine's failure."""
    schema = draw(SCHEMAS)
    valid = instances(schema).map(canonical_json)
    drafts = st.one_of(
        valid,
        valid,
        valid.map(lambda text: text[:-1]),
        valid.map(lambda text: text + " "),
        valid.map(lambda text: text.replace("1", "NaN")),
        JSON.map(json.dumps),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    )
    answers: list[Answer] = []
    for _ in range(3):
        if draw(st.integers(0, 9)) == 0:
            answers.append(EngineError("down"))
            continue
        text, cut = draw(drafts), draw(st.integers(0, 20))
        answers.append([Delta(text=text[:cut]), Delta(text=text[cut:], finish_reason=draw(FINISHES))])
    return schema, answers


async def conform(job: Job, answers: list[Answer], mode: StreamMode | None) -> tuple[str, bool, FakeTrace]:
    """The text that left, whether it was called a success, and the attempts."""
    guarded = frozenset({"small"})
    attempts = Attempts(clock=FakeClock(), price=lambda pool, usage: 0.0)
    conformer = LadderConformer(
        Promises(inline_intake(), guarded_pools=guarded),
        attempts,
        TaskChecks(attempts, {}),
        call_ids=call_ids(),
        escalation=EscalationTarget("large", "large-model"),
        guarded_pools=guarded,
    )
    trace = FakeTrace()
    chat = make_chat(stream=job.stream, stream_mode=mode)
    text, is_success = "", False
    try:
        async with aclosing(
            conformer.conform(Principal("acme"), chat, job, FakeGenerate(*answers), trace)
        ) as reply:
            async for item in reply:
                assert not is_success, "something followed the summary"
                if isinstance(item, ReplyDelta):
                    text += item.delta.text
                is_success = isinstance(item, ReplySummary)
    except (OutputInvalidError, EngineError, SchemaUnsupportedError):
        assert not is_success
    return text, is_success, trace


@settings(deadline=None)
@given(cases(), st.booleans(), st.sampled_from([None, StreamMode.VERIFIED]))
def test_a_success_validates(
    case: tuple[dict[str, Any], list[Answer]], stream: bool, mode: StreamMode | None
) -> None:
    schema, answers = case
    job = make_job(schema_output(schema), stream=stream)
    text, is_success, trace = asyncio.run(conform(job, answers, mode))
    if is_success:
        value = json.loads(text, parse_constant=lambda constant: {"constant": constant})
        assert jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(value)
        assert trace.attempts[-1].failure is None
    elif not stream or mode is StreamMode.VERIFIED:
        assert text == ""


@settings(deadline=None)
@given(cases())
def test_a_first_draft_that_is_valid_is_always_served(case: tuple[dict[str, Any], list[Answer]]) -> None:
    schema, answers = case
    first = answers[0]
    if isinstance(first, Exception) or first[-1].finish_reason == "length":
        return
    text = "".join(delta.text for delta in first)
    try:
        is_valid = jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(json.loads(text))
    except ValueError:
        is_valid = False
    is_plain = "NaN" not in text and "Infinity" not in text
    served, is_success, trace = asyncio.run(conform(make_job(schema_output(schema)), answers, None))
    if is_valid and is_plain and trace.attempts:
        assert (served, is_success, len(trace.attempts)) == (text, True, 1)
