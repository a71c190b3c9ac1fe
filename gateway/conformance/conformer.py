"""The conform stage: only what is proven leaves, within one deadline and one cost budget."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from contracts.outcome import Outcome, OutcomeKind, Usage
from contracts.route import Action
from gateway.conformance._draft import Draft
from gateway.conformance.attempts import AttemptLog, Attempts
from gateway.conformance.checks import TaskChecks
from gateway.conformance.failure import INVALID, TRUNCATED, Failure
from gateway.conformance.judging import Promise, judge
from gateway.conformance.promises import Promises
from gateway.conformance.rungs import CompactRetry, Escalate, Reask, Rung
from gateway.conformance.streams import StreamChecks
from gateway.errors import (
    ContextLengthError,
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
    Principal,
    ReplyDelta,
    ReplySummary,
    StreamMode,
)

Generate = Callable[[Job], AsyncGenerator[Delta]]
Reply = AsyncGenerator[ReplyDelta | ReplySummary]


@dataclass(frozen=True, slots=True)
class EscalationTarget:
    """The pool and model that answer what the small model cannot."""

    pool: str
    model: str


class LadderConformer:
    """Walks a fixed list of rungs.

    `attempts` notes and prices them; `guarded_pools` force a contract by a grammar, so that a stream need
    not be held back.
    """

    def __init__(
        self,
        promises: Promises,
        attempts: Attempts,
        checks: TaskChecks,
        *,
        call_ids: Iterator[str],
        escalation: EscalationTarget | None,
        guarded_pools: frozenset[str],
    ) -> None:
        self._promises = promises
        self._attempts = attempts
        self._checks = checks
        self._call_ids = call_ids
        self._escalation = escalation
        self._guarded_pools = guarded_pools
        self._streams = StreamChecks()

    async def conform(
        self, principal: Principal, chat: Chat, job: Job, generate: Generate, trace: AttemptLog
    ) -> Reply:
        """Yield proven deltas and a summary.

        Raises:
            SchemaUnsupportedError: a contract is refused.
            OutputInvalidError: every attempt was made and none keeps the contract.
            GatewayError: from the engine, before anything was yielded, or 502 and 504 after it.
        """
        if job.route.refusal is not None:
            yield ReplyDelta(Delta(refusal=job.route.refusal, finish_reason="stop"))
            yield ReplySummary(Outcome(OutcomeKind.REFUSED))
            return
        promise = await self._promises.of(principal, chat, job)
        promise = replace(promise, checks=self._checks.of(chat, job, generate, trace))
        job = replace(job, forced=promise.output.forced if promise.output else None)
        is_held = bool(job.tools) or (
            promise.output is not None and not self._passes_through(chat, job, promise)
        )
        walk = self._held if is_held else self._passed
        async with aclosing(walk(job, promise, generate, trace)) as reply:
            async for item in reply:
                yield item

    def _passes_through(self, chat: Chat, job: Job, promise: Promise) -> bool:
        """A stream that a grammar guards wholly goes out as it comes, unless it was asked for otherwise."""
        if not chat.stream or promise.output is None:
            return False
        task = job.route.task
        mode = chat.stream_mode or (StreamMode(task.policy.stream) if task and task.policy.stream else None)
        if mode is not None:
            return mode is StreamMode.PASSTHROUGH
        is_guarded = job.route.pool in self._guarded_pools and promise.output.is_wholly_forced
        return is_guarded and promise.checks is None

    async def _passed(self, job: Job, promise: Promise, generate: Generate, trace: AttemptLog) -> Reply:
        """Let tokens through; a structured answer is proven at its end, and a failure ends the stream."""
        draft = Draft()
        check = self._streams.of(promise, is_guarded=job.route.pool in self._guarded_pools)
        with self._attempts.noting(job, draft, trace) as attempt:
            failure: Failure | None = None
            try:
                async with aclosing(generate(job)) as deltas:
                    async for delta in deltas:
                        draft.add(delta)
                        failure = check.feed(delta)
                        if failure is not None:
                            break  # leaving the stream stops the generation on the engine
                        if delta.usage is None:
                            yield ReplyDelta(delta)
            except GatewayError as error:
                raise _as_seen(error, job) from error
            if failure is None:
                failure = await judge(draft, job, promise)
            attempt.failure = failure.kind if failure else None
        if failure is not None:
            raise _spent(failure, AttemptKind.FIRST)
        yield ReplyDelta(Delta(usage=draft.usage))
        yield ReplySummary(Outcome(self._kind(job, job, draft), trace.attempts))

    async def _held(self, job: Job, promise: Promise, generate: Generate, trace: AttemptLog) -> Reply:
        """Hold each attempt back until it is proven, and climb the ladder while it is not."""
        rungs = self._rungs(job)
        current = replace(job, stream=False)
        while True:
            draft = Draft()
            failure = await self._try(current, promise, generate, draft, trace)
            if failure is None:
                break
            proposed = self._next(rungs, current, failure, draft.usage, trace)
            if proposed is None:
                for item in _given_up(job, current, failure, trace):
                    yield item
                return
            current = proposed
        for delta in draft.deltas(current, self._call_ids):
            yield ReplyDelta(delta)
        yield ReplyDelta(Delta(usage=_total(trace)))
        yield ReplySummary(Outcome(self._kind(job, current, draft), trace.attempts))

    async def _try(
        self, job: Job, promise: Promise, generate: Generate, draft: Draft, trace: AttemptLog
    ) -> Failure | None:
        failure: Failure | None
        with self._attempts.noting(job, draft, trace) as attempt:
            try:
                await draft.fill(generate(job))
                failure = await judge(draft, job, promise)
            except GatewayError as error:
                # A first attempt's error is the client's to see; a retry's only ends that rung.
                if job.kind is AttemptKind.FIRST:
                    raise _as_seen(error, job) from error
                failure = Failure(error.code)
            attempt.failure = failure.kind if failure else None
        return failure

    def _rungs(self, job: Job) -> tuple[Rung, ...]:
        ladder: tuple[Rung, ...] = (CompactRetry(), Reask())
        if self._escalation is None:
            return ladder
        return (*ladder, Escalate(self._escalation.pool, self._escalation.model, job))

    def _next(
        self, rungs: tuple[Rung, ...], job: Job, failure: Failure, usage: Usage, trace: AttemptLog
    ) -> Job | None:
        """Take the first rung that offers a job, while deadline and budget last."""
        if self._attempts.is_spent(job, trace):
            return None
        proposals = (rung.propose(job, failure, usage) for rung in rungs)
        return next((proposal for proposal in proposals if proposal is not None), None)

    def _kind(self, first: Job, last: Job, draft: Draft) -> OutcomeKind:
        target = self._escalation
        was_escalated = target is not None and last.route.pool == target.pool
        was_decided = first.route.decision.action is Action.ESCALATE
        if was_escalated and (was_decided or last.kind is AttemptKind.ESCALATION):
            return OutcomeKind.ESCALATED
        is_untouched = last.kind is AttemptKind.FIRST and not draft.is_fixed
        return OutcomeKind.VALID if is_untouched else OutcomeKind.REPAIRED


def _total(trace: AttemptLog) -> Usage:
    return sum((attempt.usage for attempt in trace.attempts), Usage())


def _as_seen(error: GatewayError, job: Job) -> GatewayError:
    """What an upstream refuses of a request that the router sent there is not the client's mistake."""
    is_own = not isinstance(error, InvalidRequestError) or isinstance(error, ContextLengthError)
    if not is_own and job.route.decision.action is Action.ESCALATE:
        return EngineError(f"the escalation pool refused the request: {error.message}")
    return error


def _given_up(
    first: Job, last: Job, failure: Failure, trace: AttemptLog
) -> Iterator[ReplyDelta | ReplySummary]:
    """End as the task's policy says: with a refusal, or with the error."""
    task = first.route.task
    is_answer_at_fault = failure.code in (TRUNCATED, INVALID)
    if task is None or task.policy.on_unproven != "refuse" or not is_answer_at_fault:
        raise _spent(failure, last.kind)
    yield ReplyDelta(Delta(refusal=task.policy.refusal, finish_reason="stop"))
    yield ReplyDelta(Delta(usage=_total(trace)))
    yield ReplySummary(Outcome(OutcomeKind.REFUSED, trace.attempts))


def _spent(failure: Failure, rung: AttemptKind) -> GatewayError:
    """Say what was wrong at last, by pointer, and nothing of the answer itself in the message."""
    if failure.code == EngineTimeoutError.code:
        return EngineTimeoutError("the deadline passed before an attempt gave a valid answer")
    details = [
        {"pointer": v.pointer, "kind": str(v.kind), "keyword": v.keyword, "message": v.message}
        for v in failure.violations
    ]
    if failure.code == TRUNCATED:
        message = "the answer was cut off at its token limit before it was complete"
        return OutputInvalidError(message, rung=rung, failure=failure.kind, details=details)
    pointers = ", ".join(sorted({violation.pointer or "/" for violation in failure.violations}))
    reason = (
        f"it breaks its output contract at {pointers}" if pointers else f"the last attempt: {failure.code}"
    )
    return OutputInvalidError(
        f"no attempt gave a valid answer; {reason}", rung=rung, failure=failure.kind, details=details
    )
