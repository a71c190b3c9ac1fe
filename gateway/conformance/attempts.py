"""Attempts: what each has cost, and whether another may be made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from contracts.outcome import Attempt, Usage
from gateway.conformance._draft import Draft
from gateway.errors import GatewayError
from gateway.records import Job


class AttemptLog(Protocol):
    """Where attempts are noted."""

    def attempt(self, attempt: Attempt) -> None:
        """Note one."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Those so far."""


@dataclass(slots=True)
class AttemptVerdict:
    """What an attempt turned out to be; filled in by who judges it."""

    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Attempts:
    """`clock` is monotonic; `price` gives dollars for tokens on a pool."""

    clock: Callable[[], float]
    price: Callable[[str, Usage], float]

    @contextmanager
    def noting(self, job: Job, draft: Draft, trace: AttemptLog) -> Iterator[AttemptVerdict]:
        """Note the attempt on every way out, with what it is known to have cost."""
        verdict = AttemptVerdict()
        started = self.clock()
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
            cost_usd = self.price(job.route.pool, usage)
            seconds = self.clock() - started
            trace.attempt(
                Attempt(str(job.kind), job.route.pool, model, usage, cost_usd, seconds, verdict.failure)
            )

    def is_spent(self, job: Job, trace: AttemptLog) -> bool:
        """Whether the deadline has passed or the task's budget is used up."""
        task = job.route.task
        budget_usd = task.policy.max_cost_usd if task else None
        spent_usd = sum(attempt.cost_usd for attempt in trace.attempts)
        return self.clock() >= job.deadline or (budget_usd is not None and spent_usd >= budget_usd)
