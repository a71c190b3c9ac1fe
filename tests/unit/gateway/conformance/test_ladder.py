"""The ladder: which attempt follows which failure, within one deadline and one budget."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.outcome import OutcomeKind, Usage
from contracts.route import Action, RouteDecision
from gateway.errors import (
    ContextLengthError,
    EngineError,
    EngineTimeoutError,
    GatewayError,
    InvalidRequestError,
)
from gateway.records import AttemptKind, Delta
from tests.unit.gateway.conformance.walks import INVALID, INVOICE, LARGE, VALID, Walker, invalid
from tests.unit.gateway.fakes import make_job, make_route, make_task, said


async def test_a_truncated_answer_is_retried_briefly_with_more_room(walk: Walker) -> None:
    job = make_job(INVOICE, max_tokens=64)
    walked = await walk(job, said('{"id":"A', "length"), said(VALID))
    assert (walked.outcome, walked.text) == (OutcomeKind.REPAIRED, VALID)
    assert walked.rungs == [("first", "truncated"), ("compact_retry", None)]
    retry = walked.generate.jobs[1]
    assert retry.max_tokens == 128
    assert retry.messages == [{"role": "user", "content": "hello\n\nAnswer as briefly as the format allows."}]
    assert walked.deltas[-1] == Delta(usage=Usage(prompt_tokens=20, completion_tokens=10))


async def test_without_a_limit_the_retry_has_twice_what_was_used(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said("{", "length", tokens=30), said(VALID))
    assert walked.generate.jobs[1].max_tokens == 60


async def test_a_limit_that_the_client_set_is_not_exceeded(walk: Walker) -> None:
    job = make_job(INVOICE, max_tokens=64, is_max_tokens_fixed=True)
    walked = await walk(job, said("{", "length"), said("{", "length"), said(VALID), escalation=LARGE)
    assert [asked.max_tokens for asked in walked.generate.jobs] == [64, 64, 64]


async def test_a_complete_answer_at_the_limit_counts_as_cut_off(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said(VALID, "length"), said(VALID, "length"))
    assert invalid(walked) == "the answer was cut off at its token limit before it was complete"
    assert walked.rungs == [("first", "truncated"), ("compact_retry", "truncated")]


async def test_an_invalid_answer_is_asked_again_with_its_violations(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said(INVALID), said(VALID))
    assert (walked.outcome, walked.text) == (OutcomeKind.REPAIRED, VALID)
    assert walked.rungs == [("first", "schema"), ("reask", None)]
    first, draft, note = walked.generate.jobs[1].messages
    assert first == {"role": "user", "content": "hello"}
    assert draft == {"role": "assistant", "content": INVALID}
    assert note["role"] == "user"
    assert "/id: " in str(note["content"])
    assert "/total: " in str(note["content"])


async def test_a_retry_is_not_retried(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said("{", "length"), said(INVALID), said(VALID))
    assert "at /id, /total" in invalid(walked)
    assert walked.rungs == [("first", "truncated"), ("compact_retry", "schema")]


async def test_what_failed_twice_is_escalated_with_the_first_prompt(walk: Walker) -> None:
    job = make_job(INVOICE, route=make_route(adapter="invoice@abc"))
    walked = await walk(job, said(INVALID), said(INVALID), said(VALID), escalation=LARGE)
    assert walked.outcome is OutcomeKind.ESCALATED
    assert walked.rungs == [("first", "schema"), ("reask", "schema"), ("escalation", None)]
    escalated = walked.generate.jobs[2]
    assert (escalated.route.pool, escalated.route.model, escalated.route.adapter) == (
        "large",
        "large-model",
        None,
    )
    assert escalated.messages == job.messages
    assert escalated.output == INVOICE
    assert [attempt.cost_usd for attempt in walked.trace.attempts] == pytest.approx([0.05, 0.05, 5.0])


async def test_an_escalation_is_proven_like_any_other_answer(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said("{", "length"), said("{"), said(INVALID), escalation=LARGE)
    assert "at /id, /total" in invalid(walked)
    assert [kind for kind, _ in walked.rungs] == ["first", "compact_retry", "escalation"]


async def test_a_task_may_forbid_the_escalation(walk: Walker) -> None:
    task = make_task(policy={"may_escalate": False})
    walked = await walk(
        make_job(INVOICE, route=make_route(task=task)), said(INVALID), said(INVALID), escalation=LARGE
    )
    assert invalid(walked)
    assert len(walked.generate.jobs) == 2


async def test_what_was_routed_to_the_large_pool_counts_as_escalated(walk: Walker) -> None:
    route = make_route(pool="large", decision=RouteDecision(Action.ESCALATE, None, 0.8, "escalate"))
    walked = await walk(make_job(INVOICE, route=route), said(VALID), escalation=LARGE)
    assert (walked.outcome, walked.rungs) == (OutcomeKind.ESCALATED, [("first", None)])


async def test_a_model_that_the_client_named_is_no_escalation(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE, route=make_route(pool="large")), said(VALID), escalation=LARGE)
    assert walked.outcome is OutcomeKind.VALID


async def test_the_large_pool_is_not_asked_twice(walk: Walker) -> None:
    job = make_job(INVOICE, route=make_route(pool="large"))
    walked = await walk(job, said(INVALID), said(INVALID), said(VALID), escalation=LARGE)
    assert invalid(walked)
    assert [kind for kind, _ in walked.rungs] == ["first", "reask"]


async def test_a_passed_deadline_ends_the_ladder(walk: Walker) -> None:
    job = make_job(INVOICE, deadline=1060.0)
    walked = await walk(job, said(INVALID), said(VALID), escalation=LARGE, each_takes_seconds=60.0)
    assert invalid(walked)
    assert len(walked.generate.jobs) == 1
    assert walked.trace.attempts[0].seconds == 60.0


async def test_before_the_deadline_the_ladder_goes_on(walk: Walker) -> None:
    job = make_job(INVOICE, deadline=1060.0)
    walked = await walk(job, said(INVALID), said(VALID), each_takes_seconds=59.0)
    assert walked.outcome is OutcomeKind.REPAIRED


@pytest.mark.parametrize(("budget", "asked"), [(0.05, 1), (0.06, 2), (0.11, 3)])
async def test_a_spent_budget_ends_the_ladder(walk: Walker, budget: float, asked: int) -> None:
    task = make_task(policy={"max_cost_usd": budget})
    job = make_job(INVOICE, route=make_route(task=task))
    walked = await walk(job, said(INVALID), said(INVALID), said(VALID), escalation=LARGE)
    assert len(walked.generate.jobs) == asked
    assert (walked.error is None) == (asked == 3)


@pytest.mark.parametrize(
    "error", [InvalidRequestError("no"), EngineTimeoutError("slow"), EngineError("down")], ids=str
)
async def test_the_first_attempts_error_is_the_clients_to_see(walk: Walker, error: GatewayError) -> None:
    walked = await walk(make_job(INVOICE), error, said(VALID), escalation=LARGE)
    assert (walked.error, walked.items) == (error, [])
    assert walked.rungs == [("first", error.code)]


async def test_a_retry_that_breaks_only_ends_its_rung(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said(INVALID), EngineError("down"), said(VALID), escalation=LARGE)
    assert walked.outcome is OutcomeKind.ESCALATED
    assert walked.rungs == [("first", "schema"), ("reask", "engine_error"), ("escalation", None)]


async def test_a_last_attempt_that_breaks_is_named_by_its_code(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said(INVALID), EngineError("down"))
    assert invalid(walked) == "no attempt gave a valid answer; the last attempt: engine_error"


async def test_a_deadline_that_passes_in_a_retry_is_a_timeout(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said(INVALID), EngineTimeoutError("slow"))
    assert isinstance(walked.error, EngineTimeoutError)
    assert walked.rungs == [("first", "schema"), ("reask", "engine_timeout")]


@pytest.mark.parametrize(
    ("last", "noted"),
    [
        (
            {"role": "user", "content": [{"type": "text", "text": "read"}, {"type": "image_url"}]},
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "read"},
                        {"type": "image_url"},
                        {"type": "text", "text": "Answer as briefly as the format allows."},
                    ],
                }
            ],
        ),
        (
            {"role": "assistant", "content": None},
            [
                {"role": "assistant", "content": None},
                {"role": "user", "content": "Answer as briefly as the format allows."},
            ],
        ),
    ],
    ids=["parts", "empty"],
)
async def test_the_note_of_a_retry_fits_the_last_turn(
    walk: Walker, last: dict[str, Any], noted: list[Any]
) -> None:
    walked = await walk(make_job(INVOICE, messages=[last]), said("{", "length"), said(VALID))
    assert walked.generate.jobs[1].messages == noted
    assert walked.generate.jobs[1].kind is AttemptKind.COMPACT_RETRY


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("output", [None, INVOICE])
async def test_what_an_upstream_refuses_of_a_routed_request_is_not_the_clients_mistake(
    walk: Walker, stream: bool, output: Any
) -> None:
    decision = RouteDecision(Action.ESCALATE, None, 0.9, "action:escalate")
    job = make_job(output, stream=stream, route=make_route(pool="large", decision=decision))
    walked = await walk(job, InvalidRequestError("no such field"), escalation=LARGE)
    assert isinstance(walked.error, EngineError)
    assert "no such field" in walked.error.message
    long = await walk(job, ContextLengthError("too long"), escalation=LARGE)
    assert isinstance(long.error, ContextLengthError)
