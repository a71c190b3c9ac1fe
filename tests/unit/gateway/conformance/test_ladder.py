"""The ladder: what leaves, after which attempts, and what never does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.outcome import OutcomeKind, Usage
from contracts.output import ChoiceOutput, JsonObjectOutput
from contracts.route import Action, RouteDecision
from gateway.conformance import ContractCompiler, EscalationTarget, LadderConformer
from gateway.errors import (
    EngineError,
    EngineTimeoutError,
    GatewayError,
    InvalidRequestError,
    OutputInvalidError,
)
from gateway.records import (
    AttemptKind,
    Chat,
    Delta,
    Job,
    ReplyDelta,
    ReplySummary,
    StreamMode,
    ToolCall,
    ToolUse,
)
from tests.unit.gateway.fakes import (
    WEATHER,
    Answer,
    FakeClock,
    FakeGenerate,
    FakeTrace,
    call_ids,
    make_chat,
    make_job,
    make_route,
    make_task,
    said,
    schema_output,
)

INVOICE = schema_output(
    {
        "type": "object",
        "properties": {"id": {"type": "string"}, "total": {"type": "number"}},
        "required": ["id", "total"],
        "additionalProperties": False,
    }
)
VALID = '{"id":"A-1029","total":1248.5}'
INVALID = '{"id":1029,"total":"1248.5"}'
CALL = '{"name":"get_weather","arguments":{"city":"Köln"}}'
LARGE = EscalationTarget("large", "large-model")


def price(pool: str, usage: Usage) -> float:
    """A cent for a token on the small pool, a dollar on the large one."""
    return usage.completion_tokens * (1.0 if pool == "large" else 0.01)


@dataclass
class Walk:
    """One request through the stage, with what it asked for and what left."""

    generate: FakeGenerate
    items: list[ReplyDelta | ReplySummary] = field(default_factory=list)
    trace: FakeTrace = field(default_factory=FakeTrace)
    error: GatewayError | None = None

    @property
    def deltas(self) -> list[Delta]:
        return [item.delta for item in self.items if isinstance(item, ReplyDelta)]

    @property
    def text(self) -> str:
        return "".join(delta.text for delta in self.deltas)

    @property
    def outcome(self) -> OutcomeKind:
        (summary,) = [item for item in self.items if isinstance(item, ReplySummary)]
        assert self.items[-1] is summary
        assert summary.outcome.attempts == self.trace.attempts
        return summary.outcome.kind

    @property
    def rungs(self) -> list[tuple[str, str | None]]:
        return [(attempt.kind, attempt.failure) for attempt in self.trace.attempts]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def compiler() -> AsyncIterator[ContractCompiler]:
    compiler = ContractCompiler()
    yield compiler
    compiler.close()


@pytest.fixture
def walk(clock: FakeClock, compiler: ContractCompiler) -> Any:
    async def run(
        job: Job,
        *answers: Answer,
        chat: Chat | None = None,
        escalation: EscalationTarget | None = None,
        each_takes_seconds: float = 0.0,
    ) -> Walk:
        def pass_time() -> None:
            clock.now += each_takes_seconds

        conformer = LadderConformer(
            compiler,
            clock=clock,
            price=price,
            call_ids=call_ids(),
            escalation=escalation,
            guarded_pools=frozenset({"small"}),
        )
        walked = Walk(FakeGenerate(*answers, before=pass_time))
        reply = conformer.conform(chat or make_chat(stream=job.stream), job, walked.generate, walked.trace)
        try:
            async with aclosing(reply) as items:
                async for item in items:
                    walked.items.append(item)  # what came before a failure counts
        except GatewayError as error:
            walked.error = error
        return walked

    return run


def invalid(walked: Walk) -> str:
    """The message of a request that ended without a valid answer, of which nothing may have left."""
    assert isinstance(walked.error, OutputInvalidError)
    assert (walked.error.status, walked.error.code, walked.error.retryable) == (502, "output_invalid", False)
    assert walked.items == []
    return walked.error.message


async def test_a_valid_answer_leaves_with_its_usage(walk: Any) -> None:
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


async def test_an_attempt_is_named_by_its_adapter(walk: Any) -> None:
    walked = await walk(make_job(INVOICE, route=make_route(adapter="invoice@abc")), said(VALID))
    assert walked.trace.attempts[0].model == "invoice@abc"


async def test_text_is_not_judged(walk: Any) -> None:
    walked = await walk(make_job(), said("half a sen", "length"))
    assert (walked.outcome, walked.text) == (OutcomeKind.VALID, "half a sen")


async def test_a_truncated_answer_is_retried_briefly_with_more_room(walk: Any) -> None:
    job = make_job(INVOICE, max_tokens=64)
    walked = await walk(job, said('{"id":"A', "length"), said(VALID))
    assert (walked.outcome, walked.text) == (OutcomeKind.REPAIRED, VALID)
    assert walked.rungs == [("first", "truncated"), ("compact_retry", None)]
    retry = walked.generate.jobs[1]
    assert retry.max_tokens == 128
    assert retry.messages == [{"role": "user", "content": "hello\n\nAnswer as briefly as the format allows."}]
    assert walked.deltas[-1] == Delta(usage=Usage(prompt_tokens=20, completion_tokens=10))


async def test_without_a_limit_the_retry_has_twice_what_was_used(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), said("{", "length", tokens=30), said(VALID))
    assert walked.generate.jobs[1].max_tokens == 60


async def test_a_limit_that_the_client_set_is_not_exceeded(walk: Any) -> None:
    job = make_job(INVOICE, max_tokens=64, is_max_tokens_fixed=True)
    walked = await walk(job, said("{", "length"), said("{", "length"), said(VALID), escalation=LARGE)
    assert [asked.max_tokens for asked in walked.generate.jobs] == [64, 64, 64]


async def test_a_complete_answer_at_the_limit_counts_as_cut_off(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), said(VALID, "length"), said(VALID, "length"))
    assert invalid(walked) == "the answer was cut off at its token limit before it was complete"
    assert walked.rungs == [("first", "truncated"), ("compact_retry", "truncated")]


async def test_an_invalid_answer_is_asked_again_with_its_violations(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), said(INVALID), said(VALID))
    assert (walked.outcome, walked.text) == (OutcomeKind.REPAIRED, VALID)
    assert walked.rungs == [("first", "invalid"), ("reask", None)]
    first, draft, note = walked.generate.jobs[1].messages
    assert first == {"role": "user", "content": "hello"}
    assert draft == {"role": "assistant", "content": INVALID}
    assert note["role"] == "user"
    assert "/id: " in str(note["content"])
    assert "/total: " in str(note["content"])


async def test_a_retry_is_not_retried(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), said("{", "length"), said(INVALID), said(VALID))
    assert "at /id, /total" in invalid(walked)
    assert walked.rungs == [("first", "truncated"), ("compact_retry", "invalid")]


async def test_what_failed_twice_is_escalated_with_the_first_prompt(walk: Any) -> None:
    job = make_job(INVOICE, route=make_route(adapter="invoice@abc"))
    walked = await walk(job, said(INVALID), said(INVALID), said(VALID), escalation=LARGE)
    assert walked.outcome is OutcomeKind.ESCALATED
    assert walked.rungs == [("first", "invalid"), ("reask", "invalid"), ("escalation", None)]
    escalated = walked.generate.jobs[2]
    assert (escalated.route.pool, escalated.route.model, escalated.route.adapter) == (
        "large",
        "large-model",
        None,
    )
    assert escalated.messages == job.messages
    assert escalated.output == INVOICE
    assert [attempt.cost_usd for attempt in walked.trace.attempts] == pytest.approx([0.05, 0.05, 5.0])


async def test_an_escalation_is_proven_like_any_other_answer(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), said("{", "length"), said("{"), said(INVALID), escalation=LARGE)
    assert "at /id, /total" in invalid(walked)
    assert [kind for kind, _ in walked.rungs] == ["first", "compact_retry", "escalation"]


async def test_a_task_may_forbid_the_escalation(walk: Any) -> None:
    task = make_task(policy={"may_escalate": False})
    walked = await walk(
        make_job(INVOICE, route=make_route(task=task)), said(INVALID), said(INVALID), escalation=LARGE
    )
    assert invalid(walked)
    assert len(walked.generate.jobs) == 2


async def test_what_was_routed_to_the_large_pool_counts_as_escalated(walk: Any) -> None:
    route = make_route(pool="large", decision=RouteDecision(Action.ESCALATE, None, 0.8, "escalate"))
    walked = await walk(make_job(INVOICE, route=route), said(VALID), escalation=LARGE)
    assert (walked.outcome, walked.rungs) == (OutcomeKind.ESCALATED, [("first", None)])


async def test_a_model_that_the_client_named_is_no_escalation(walk: Any) -> None:
    walked = await walk(make_job(INVOICE, route=make_route(pool="large")), said(VALID), escalation=LARGE)
    assert walked.outcome is OutcomeKind.VALID


async def test_the_large_pool_is_not_asked_twice(walk: Any) -> None:
    job = make_job(INVOICE, route=make_route(pool="large"))
    walked = await walk(job, said(INVALID), said(INVALID), said(VALID), escalation=LARGE)
    assert invalid(walked)
    assert [kind for kind, _ in walked.rungs] == ["first", "reask"]


async def test_nothing_of_the_answer_stands_in_the_error(walk: Any) -> None:
    secret = '{"id":"TOP-SECRET","total":"none"}'
    walked = await walk(make_job(INVOICE), said(secret), said(secret))
    assert invalid(walked) == "no attempt gave a valid answer; it breaks its output contract at /total"


async def test_a_passed_deadline_ends_the_ladder(walk: Any) -> None:
    job = make_job(INVOICE, deadline=1060.0)
    walked = await walk(job, said(INVALID), said(VALID), escalation=LARGE, each_takes_seconds=60.0)
    assert invalid(walked)
    assert len(walked.generate.jobs) == 1
    assert walked.trace.attempts[0].seconds == 60.0


async def test_before_the_deadline_the_ladder_goes_on(walk: Any) -> None:
    job = make_job(INVOICE, deadline=1060.0)
    walked = await walk(job, said(INVALID), said(VALID), each_takes_seconds=59.0)
    assert walked.outcome is OutcomeKind.REPAIRED


@pytest.mark.parametrize(("budget", "asked"), [(0.05, 1), (0.06, 2), (0.11, 3)])
async def test_a_spent_budget_ends_the_ladder(walk: Any, budget: float, asked: int) -> None:
    task = make_task(policy={"max_cost_usd": budget})
    job = make_job(INVOICE, route=make_route(task=task))
    walked = await walk(job, said(INVALID), said(INVALID), said(VALID), escalation=LARGE)
    assert len(walked.generate.jobs) == asked
    assert (walked.error is None) == (asked == 3)


@pytest.mark.parametrize(
    "error", [InvalidRequestError("no"), EngineTimeoutError("slow"), EngineError("down")], ids=str
)
async def test_the_first_attempts_error_is_the_clients_to_see(walk: Any, error: GatewayError) -> None:
    walked = await walk(make_job(INVOICE), error, said(VALID), escalation=LARGE)
    assert (walked.error, walked.items) == (error, [])
    assert walked.rungs == [("first", error.code)]


async def test_a_retry_that_breaks_only_ends_its_rung(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), said(INVALID), EngineError("down"), said(VALID), escalation=LARGE)
    assert walked.outcome is OutcomeKind.ESCALATED
    assert walked.rungs == [("first", "invalid"), ("reask", "engine_error"), ("escalation", None)]


async def test_a_last_attempt_that_breaks_is_named_by_its_code(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), said(INVALID), EngineError("down"))
    assert invalid(walked) == "no attempt gave a valid answer; the last attempt: engine_error"


async def test_a_deadline_that_passes_in_a_retry_is_a_timeout(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), said(INVALID), EngineTimeoutError("slow"))
    assert isinstance(walked.error, EngineTimeoutError)
    assert walked.rungs == [("first", "invalid"), ("reask", "engine_timeout")]


async def test_a_reply_without_a_choice_is_the_engines_failure(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), [Delta(usage=Usage(1, 0))])
    assert isinstance(walked.error, EngineError)
    assert walked.rungs == [("first", "engine_error")]


async def test_every_choice_must_hold(walk: Any) -> None:
    good, bad = said(VALID), said(INVALID, index=1)
    walked = await walk(make_job(INVOICE, choices=2), [*good, *bad], [*good, *said(VALID, index=1)])
    assert walked.outcome is OutcomeKind.REPAIRED
    assert [(d.index, d.text) for d in walked.deltas if d.usage is None] == [(0, VALID), (1, VALID)]
    again = await walk(make_job(INVOICE, choices=2), [*good, *bad], [*bad, *good])
    assert invalid(again)


async def test_choices_leave_in_their_order(walk: Any) -> None:
    contract = ChoiceOutput(kind="choice", choices=("a", "b"))
    walked = await walk(make_job(contract, choices=2), [*said("b", index=1), *said("a", index=0)])
    assert [(d.index, d.text) for d in walked.deltas if d.usage is None] == [(0, "a"), (1, "b")]


async def test_fragments_are_judged_as_one_text(walk: Any) -> None:
    parts = [Delta(text=VALID[:7]), Delta(text=VALID[7:]), Delta(finish_reason="stop")]
    walked = await walk(make_job(INVOICE), parts)
    assert (walked.outcome, walked.text) == (OutcomeKind.VALID, VALID)


async def test_a_forced_call_leaves_as_a_call(walk: Any) -> None:
    walked = await walk(make_job(tools=(WEATHER,)), said(CALL))
    assert walked.deltas[0] == Delta(
        tool_calls=(ToolCall("call_1", "get_weather", '{"city":"Köln"}'),), finish_reason="tool_calls"
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"get_weather","arguments":{}}',
        '{"name":"other","arguments":{"city":"x"}}',
        '{"name":"get_weather","arguments":{"city":"x"},"name":"get_weather"}',
        '{"name":"get_weather","arguments":{"city":1e999}}',
        "It is sunny.",
    ],
)
async def test_a_forced_call_that_breaks_the_tools_schema_never_leaves(walk: Any, text: str) -> None:
    assert invalid(await walk(make_job(tools=(WEATHER,)), said(text), said(text)))


async def test_an_upstreams_own_call_is_proven(walk: Any) -> None:
    good = Delta(tool_calls=(ToolCall("x", "get_weather", '{"city": "Köln"}'),), finish_reason="tool_calls")
    job = make_job(tools=(WEATHER,), tool_use=ToolUse.AUTO, route=make_route(pool="large"))
    walked = await walk(job, [good])
    assert walked.deltas[0] == good


@pytest.mark.parametrize(
    "made",
    [
        ToolCall("x", "get_weather", '{"city":5}'),
        ToolCall("x", "get_weather", '{"city":"a"}}'),
        ToolCall("x", "get_weather", '{"city":"a"},"more":1'),
        ToolCall("x", "get_weather", '{"city":"a","city":"b"}'),
        ToolCall("x", "get_weather", "not json"),
        ToolCall("x", "get_weather", ""),
        ToolCall("x", "drop_table", '{"city":"a"}'),
        ToolCall("x", 'get_weather","arguments":{"city":"a"},"x":"', "{}"),
    ],
    ids=str,
)
async def test_an_upstreams_call_with_bad_arguments_never_leaves(walk: Any, made: ToolCall) -> None:
    job = make_job(tools=(WEATHER,), tool_use=ToolUse.AUTO, route=make_route(pool="large"))
    good = ToolCall("y", "get_weather", '{"city":"a"}')
    bad = [Delta(tool_calls=(good, made), finish_reason="tool_calls")]
    assert invalid(await walk(job, bad, bad))


async def test_an_upstream_may_answer_instead_of_calling(walk: Any) -> None:
    job = make_job(tools=(WEATHER,), tool_use=ToolUse.AUTO, route=make_route(pool="large"))
    walked = await walk(job, said("Sunny."))
    assert (walked.outcome, walked.text) == (OutcomeKind.VALID, "Sunny.")


async def test_an_answer_beside_tools_keeps_its_contract(walk: Any) -> None:
    job = make_job(INVOICE, tools=(WEATHER,), tool_use=ToolUse.AUTO, route=make_route(pool="large"))
    assert invalid(await walk(job, said("Sunny."), said("Sunny.")))


async def test_a_call_that_nobody_offered_never_leaves(walk: Any) -> None:
    made = [Delta(tool_calls=(ToolCall("x", "f", "{}"),), finish_reason="tool_calls")]
    assert invalid(await walk(make_job(INVOICE), made, made))


async def test_a_models_refusal_leaves_unjudged(walk: Any) -> None:
    walked = await walk(make_job(INVOICE), [Delta(refusal="I cannot.", finish_reason="stop")])
    assert walked.deltas[0] == Delta(refusal="I cannot.", finish_reason="stop")


async def test_a_models_refusal_to_call_leaves_as_a_refusal(walk: Any) -> None:
    walked = await walk(make_job(tools=(WEATHER,)), [Delta(refusal="I cannot.", finish_reason="stop")])
    assert walked.deltas[0] == Delta(refusal="I cannot.", finish_reason="stop")


async def test_a_refusal_is_no_way_around_the_contract(walk: Any) -> None:
    both = [Delta(text=INVALID, refusal="I cannot.", finish_reason="stop")]
    assert invalid(await walk(make_job(INVOICE), both, both))


async def test_a_task_that_refuses_asks_nobody(walk: Any) -> None:
    walked = await walk(make_job(INVOICE, route=make_route(refusal="Too hard.")))
    assert walked.deltas == [Delta(refusal="Too hard.", finish_reason="stop")]
    assert (walked.outcome, walked.generate.jobs) == (OutcomeKind.REFUSED, [])


def stream(text: str, finish: str = "stop") -> list[Delta]:
    return [
        *(Delta(text=part) for part in text.partition(":")),
        Delta(finish_reason=finish),
        Delta(usage=Usage(1, 2)),
    ]


async def test_a_guarded_stream_passes_through_and_is_proven_at_its_end(walk: Any) -> None:
    walked = await walk(make_job(INVOICE, stream=True), stream(VALID))
    assert walked.deltas == stream(VALID)
    assert walked.outcome is OutcomeKind.VALID
    assert walked.generate.jobs[0].stream


@pytest.mark.parametrize(
    ("text", "finish", "code"), [(INVALID, "stop", "invalid"), (VALID, "length", "truncated")]
)
async def test_a_stream_that_fails_at_its_end_raises_after_its_deltas(
    walk: Any, text: str, finish: str, code: str
) -> None:
    walked = await walk(make_job(INVOICE, stream=True), stream(text, finish), said(VALID), escalation=LARGE)
    assert isinstance(walked.error, OutputInvalidError)
    assert walked.text == text
    assert not any(isinstance(item, ReplySummary) for item in walked.items)
    assert walked.rungs == [("first", code)]
    assert walked.trace.attempts[0].usage == Usage(1, 2)


async def test_a_stream_that_breaks_keeps_its_attempt(walk: Any) -> None:
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
    walk: Any, pool: str, mode: StreamMode | None, passes: bool
) -> None:
    job = make_job(INVOICE, stream=True, route=make_route(pool=pool))
    chat = make_chat(stream=True, stream_mode=mode)
    walked = await walk(job, stream(VALID), chat=chat)
    assert (walked.deltas == stream(VALID)) is passes
    assert walked.text == VALID
    assert walked.generate.jobs[0].stream is passes


async def test_a_held_stream_is_repaired_like_any_answer(walk: Any) -> None:
    chat = make_chat(stream=True, stream_mode=StreamMode.VERIFIED)
    walked = await walk(make_job(INVOICE, stream=True), said(INVALID), said(VALID), chat=chat)
    assert (walked.outcome, walked.text) == (OutcomeKind.REPAIRED, VALID)


async def test_a_client_that_goes_leaves_its_attempt(compiler: ContractCompiler, clock: FakeClock) -> None:
    conformer = LadderConformer(
        compiler,
        clock=clock,
        price=price,
        call_ids=call_ids(),
        escalation=None,
        guarded_pools=frozenset({"small"}),
    )
    trace = FakeTrace()
    generate = FakeGenerate([Delta(text="a"), Delta(text="b")])
    reply = conformer.conform(make_chat(stream=True), make_job(stream=True), generate, trace)
    await anext(reply)
    await reply.aclose()
    assert [(attempt.kind, attempt.failure) for attempt in trace.attempts] == [("first", "client_closed")]


async def test_logprobs_of_one_delta_leave_with_it(walk: Any) -> None:
    answer = [Delta(text="{}", logprobs={"content": []}, reasoning="Hm.", finish_reason="stop")]
    walked = await walk(make_job(JsonObjectOutput(kind="json_object")), answer)
    assert walked.deltas[0] == answer[0]


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
    walk: Any, last: dict[str, Any], noted: list[Any]
) -> None:
    walked = await walk(make_job(INVOICE, messages=[last]), said("{", "length"), said(VALID))
    assert walked.generate.jobs[1].messages == noted
    assert walked.generate.jobs[1].kind is AttemptKind.COMPACT_RETRY
