"""One request through the conform stage, and the contract that these tests use."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field

from contracts.outcome import OutcomeKind, Usage
from gateway.conformance import Attempts, EscalationTarget, LadderConformer, Promises, TaskChecks
from gateway.errors import GatewayError, OutputInvalidError
from gateway.intake.intake import Intake
from gateway.records import Chat, Delta, Job, Principal, ReplyDelta, ReplySummary
from tests.unit.gateway.fakes import (
    Answer,
    FakeClock,
    FakeGenerate,
    FakeTrace,
    call_ids,
    make_chat,
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
CALLER = Principal("acme")
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


@dataclass
class Walker:
    """Walks jobs through a stage of its own; `await walk(job, answer, ...)`."""

    intake: Intake
    clock: FakeClock

    def conformer(self, escalation: EscalationTarget | None = None) -> LadderConformer:
        guarded = frozenset({"small"})
        attempts = Attempts(clock=self.clock, price=price)
        return LadderConformer(
            Promises(self.intake, guarded_pools=guarded),
            attempts,
            TaskChecks(attempts, {"small-model": "small", "large-model": "large"}),
            call_ids=call_ids(),
            escalation=escalation,
            guarded_pools=guarded,
        )

    async def __call__(
        self,
        job: Job,
        *answers: Answer,
        chat: Chat | None = None,
        escalation: EscalationTarget | None = None,
        each_takes_seconds: float = 0.0,
    ) -> Walk:
        def pass_time() -> None:
            self.clock.now += each_takes_seconds

        walked = Walk(FakeGenerate(*answers, before=pass_time))
        asked = chat or make_chat(stream=job.stream, tools=job.tools)
        reply = self.conformer(escalation).conform(CALLER, asked, job, walked.generate, walked.trace)
        try:
            async with aclosing(reply) as items:
                async for item in items:
                    walked.items.append(item)  # what came before a failure counts
        except GatewayError as error:
            walked.error = error
        return walked


def invalid(walked: Walk) -> str:
    """The message of a request that ended without a valid answer, of which nothing may have left."""
    assert isinstance(walked.error, OutputInvalidError)
    last = walked.rungs[-1][0]
    code = "output_invalid" if last == "first" else f"{last}_failed"
    assert (walked.error.status, walked.error.code, walked.error.retryable) == (502, code, False)
    assert walked.items == []
    return walked.error.message
