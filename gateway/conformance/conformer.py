"""The conform stage: only what is proven leaves, within one deadline and one cost budget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from contracts.outcome import Attempt, Outcome, OutcomeKind, Usage
from contracts.output import TextOutput
from contracts.route import Action
from gateway.conformance._draft import TRUNCATED, Draft, Failure
from gateway.conformance.compiled import Compiled, ContractCompiler
from gateway.conformance.rungs import CompactRetry, Escalate, Reask, Rung
from gateway.errors import EngineTimeoutError, GatewayError, OutputInvalidError
from gateway.records import (
    AttemptKind,
    Chat,
    Delta,
    Job,
    ReplyDelta,
    ReplySummary,
    StreamMode,
)

Generate = Callable[[Job], AsyncGenerator[Delta]]
Reply = AsyncGenerator[ReplyDelta | ReplySummary]


class AttemptLog(Protocol):
    """Where attempts are noted."""

    def attempt(self, attempt: Attempt) -> None:
        """Note one."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Those so far."""


@dataclass(frozen=True, slots=True)
class EscalationTarget:
    """The pool and model that answer what the small model cannot."""

    pool: str
    model: str


@dataclass(frozen=True, slots=True)
class Contracts:
    """What a job's answer is proven against."""

    output: Compiled | None
    call: Compiled | None


class LadderConformer:
    """Walks a fixed list of rungs.

    `clock` is monotonic; `price` gives dollars for tokens on a pool; `guarded_pools` force a contract
    by a grammar, so that a stream need not be held back.
    """

    def __init__(
        self,
        compiler: ContractCompiler,
        *,
        clock: Callable[[], float],
        price: Callable[[str, Usage], float],
        call_ids: Iterator[str],
        escalation: EscalationTarget | None,
        guarded_pools: frozenset[str],
    ) -> None:
        self._compiler = compiler
        self._clock = clock
        self._price = price
        self._call_ids = call_ids
        self._escalation = escalation
        self._guarded_pools = guarded_pools

    async def conform(self, chat: Chat, job: Job, generate: Generate, trace: AttemptLog) -> Reply:
        """Yield proven deltas and a summary.

        Raises:
            OutputInvalidError: every attempt was made and none keeps the contract.
            GatewayError: from the engine, before anything was yielded, or 502 and 504 after it.
        """
        if job.route.refusal is not None:
            yield ReplyDelta(Delta(refusal=job.route.refusal, finish_reason="stop"))
            yield ReplySummary(Outcome(OutcomeKind.REFUSED))
            return
        contracts = Contracts(
            await self._compiled(job.output), await self._compiled(job.call) if job.call else None
        )
        is_held = bool(job.tools) or (contracts.output is not None and not self._passes_through(chat, job))
        walk = self._held if is_held else self._passed
        async with aclosing(walk(job, contracts, generate, trace)) as reply:
            async for item in reply:
                yield item

    def _passes_through(self, chat: Chat, job: Job) -> bool:
        """A stream that a grammar guards goes out as it comes, unless the client asked otherwise."""
        if not chat.stream:
            return False
        if chat.stream_mode is not None:
            return chat.stream_mode is StreamMode.PASSTHROUGH
        return job.route.pool in self._guarded_pools

    async def _compiled(self, contract: object) -> Compiled | None:
        if contract is None or isinstance(contract, TextOutput):
            return None
        return await self._compiler.compile(contract)  # type: ignore[arg-type]  # the other contracts

    async def _passed(self, job: Job, contracts: Contracts, generate: Generate, trace: AttemptLog) -> Reply:
        """Let tokens through; a structured answer is proven at its end, and a failure ends the stream."""
        draft = Draft()
        with self._attempt(job, draft, trace) as attempt:
            async with aclosing(generate(job)) as deltas:
                async for delta in deltas:
                    draft.add(delta)
                    if delta.usage is None:
                        yield ReplyDelta(delta)
            failure = draft.failure(job, contracts.output, None)
            attempt.failure = failure.code if failure else None
        if failure is not None:
            raise _spent(failure)
        yield ReplyDelta(Delta(usage=draft.usage))
        yield ReplySummary(Outcome(self._kind(job, job), trace.attempts))

    async def _held(self, job: Job, contracts: Contracts, generate: Generate, trace: AttemptLog) -> Reply:
        """Hold each attempt back until it is proven, and climb the ladder while it is not."""
        rungs = self._rungs(job)
        current = replace(job, stream=False)
        while True:
            draft = Draft()
            failure = await self._try(current, contracts, generate, draft, trace)
            if failure is None:
                break
            proposed = self._next(rungs, current, failure, draft.usage, trace)
            if proposed is None:
                raise _spent(failure)
            current = proposed
        for delta in draft.deltas(current, self._call_ids):
            yield ReplyDelta(delta)
        yield ReplyDelta(Delta(usage=_total(trace)))
        yield ReplySummary(Outcome(self._kind(job, current), trace.attempts))

    async def _try(
        self, job: Job, contracts: Contracts, generate: Generate, draft: Draft, trace: AttemptLog
    ) -> Failure | None:
        failure: Failure | None
        with self._attempt(job, draft, trace) as attempt:
            try:
                await draft.fill(generate(job))
                failure = draft.failure(job, contracts.output, contracts.call)
            except GatewayError as error:
                # A first attempt's error is the client's to see; a retry's only ends that rung.
                if job.kind is AttemptKind.FIRST:
                    raise
                failure = Failure(error.code)
            attempt.failure = failure.code if failure else None
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
        task = job.route.task
        budget_usd = task.policy.max_cost_usd if task else None
        spent_usd = sum(attempt.cost_usd for attempt in trace.attempts)
        if self._clock() >= job.deadline or (budget_usd is not None and spent_usd >= budget_usd):
            return None
        proposals = (rung.propose(job, failure, usage) for rung in rungs)
        return next((proposal for proposal in proposals if proposal is not None), None)

    @contextmanager
    def _attempt(self, job: Job, draft: Draft, trace: AttemptLog) -> Iterator[_Verdict]:
        """Note the attempt on every way out, with what it is known to have cost."""
        verdict = _Verdict()
        started = self._clock()
        try:
            yield verdict
        except GatewayError as error:
            verdict.failure = error.code
            raise
        except (GeneratorExit, asyncio.CancelledError):
            verdict.failure = "client_closed"
            raise
        finally:
            usage = draft.usage
            model = job.route.adapter or job.route.model
            cost_usd = self._price(job.route.pool, usage)
            seconds = self._clock() - started
            trace.attempt(
                Attempt(str(job.kind), job.route.pool, model, usage, cost_usd, seconds, verdict.failure)
            )

    def _kind(self, first: Job, last: Job) -> OutcomeKind:
        target = self._escalation
        was_escalated = target is not None and last.route.pool == target.pool
        was_decided = first.route.decision.action is Action.ESCALATE
        if was_escalated and (was_decided or last.kind is AttemptKind.ESCALATION):
            return OutcomeKind.ESCALATED
        return OutcomeKind.VALID if last.kind is AttemptKind.FIRST else OutcomeKind.REPAIRED


@dataclass(slots=True)
class _Verdict:
    """What an attempt turned out to be; filled in by who judges it."""

    failure: str | None = None


def _total(trace: AttemptLog) -> Usage:
    return sum((attempt.usage for attempt in trace.attempts), Usage())


def _spent(failure: Failure) -> GatewayError:
    """Say what was wrong at last, by pointer, and nothing of the answer itself."""
    if failure.code == EngineTimeoutError.code:
        return EngineTimeoutError("the deadline passed before an attempt gave a valid answer")
    if failure.code == TRUNCATED:
        return OutputInvalidError("the answer was cut off at its token limit before it was complete")
    pointers = ", ".join(sorted({violation.pointer or "/" for violation in failure.violations}))
    reason = (
        f"it breaks its output contract at {pointers}" if pointers else f"the last attempt: {failure.code}"
    )
    return OutputInvalidError(f"no attempt gave a valid answer; {reason}")
