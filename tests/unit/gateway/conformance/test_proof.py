"""What leaves: proven answers and refusals, every choice whole, with what they cost."""

from __future__ import annotations

import pytest

from contracts.outcome import OutcomeKind, Usage
from contracts.output import ChoiceOutput, JsonObjectOutput
from gateway.errors import EngineError
from gateway.records import Delta
from tests.unit.gateway.conformance.walks import INVALID, INVOICE, VALID, Walker, invalid
from tests.unit.gateway.fakes import make_job, make_route, said


async def test_a_valid_answer_leaves_with_its_usage(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), said(VALID))
    assert walked.outcome is OutcomeKind.VALID
    assert walked.deltas == [
        Delta(text=VALID, finish_reason="stop"),
        Delta(usage=Usage(prompt_tokens=10, completion_tokens=5)),
    ]
    (attempt,) = walked.trace.attempts
    assert (attempt.kind, attempt.pool, attempt.model) == ("first", "small", "small-model")
    assert attempt.cost_usd == pytest.approx(0.05)
    assert attempt.failure is None


async def test_an_attempt_is_named_by_its_adapter(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE, route=make_route(adapter="invoice@abc")), said(VALID))
    assert walked.trace.attempts[0].model == "invoice@abc"


async def test_text_is_not_judged(walk: Walker) -> None:
    walked = await walk(make_job(), said("half a sen", "length"))
    assert (walked.outcome, walked.text) == (OutcomeKind.VALID, "half a sen")


async def test_nothing_of_the_answer_stands_in_the_error(walk: Walker) -> None:
    secret = '{"id":"TOP-SECRET","total":"none"}'
    walked = await walk(make_job(INVOICE), said(secret), said(secret))
    assert invalid(walked) == "no attempt gave a valid answer; it breaks its output contract at /total"


async def test_a_reply_without_a_choice_is_the_engines_failure(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), [Delta(usage=Usage(1, 0))])
    assert isinstance(walked.error, EngineError)
    assert walked.rungs == [("first", "engine_error")]


async def test_every_choice_must_hold(walk: Walker) -> None:
    good, bad = said(VALID), said(INVALID, index=1)
    walked = await walk(make_job(INVOICE, choices=2), [*good, *bad], [*good, *said(VALID, index=1)])
    assert walked.outcome is OutcomeKind.REPAIRED
    assert [(d.index, d.text) for d in walked.deltas if d.usage is None] == [(0, VALID), (1, VALID)]
    again = await walk(make_job(INVOICE, choices=2), [*good, *bad], [*bad, *good])
    assert invalid(again)


async def test_choices_leave_in_their_order(walk: Walker) -> None:
    contract = ChoiceOutput(kind="choice", choices=("a", "b"))
    walked = await walk(make_job(contract, choices=2), [*said("b", index=1), *said("a", index=0)])
    assert [(d.index, d.text) for d in walked.deltas if d.usage is None] == [(0, "a"), (1, "b")]


async def test_fragments_are_judged_as_one_text(walk: Walker) -> None:
    parts = [Delta(text=VALID[:7]), Delta(text=VALID[7:]), Delta(finish_reason="stop")]
    walked = await walk(make_job(INVOICE), parts)
    assert (walked.outcome, walked.text) == (OutcomeKind.VALID, VALID)


async def test_a_models_refusal_leaves_unjudged(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE), [Delta(refusal="I cannot.", finish_reason="stop")])
    assert walked.deltas[0] == Delta(refusal="I cannot.", finish_reason="stop")


async def test_a_refusal_is_no_way_around_the_contract(walk: Walker) -> None:
    both = [Delta(text=INVALID, refusal="I cannot.", finish_reason="stop")]
    assert invalid(await walk(make_job(INVOICE), both, both))


async def test_a_task_that_refuses_asks_nobody(walk: Walker) -> None:
    walked = await walk(make_job(INVOICE, route=make_route(refusal="Too hard.")))
    assert walked.deltas == [Delta(refusal="Too hard.", finish_reason="stop")]
    assert (walked.outcome, walked.generate.jobs) == (OutcomeKind.REFUSED, [])


async def test_logprobs_of_one_delta_leave_with_it(walk: Walker) -> None:
    answer = [Delta(text="{}", logprobs={"content": []}, reasoning="Hm.", finish_reason="stop")]
    walked = await walk(make_job(JsonObjectOutput(kind="json_object")), answer)
    assert walked.deltas[0] == answer[0]
