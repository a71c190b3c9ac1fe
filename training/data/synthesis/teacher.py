"""Asking the teacher: a few requests at a time, again after what passes, never beyond the budget."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from contracts.canonical import JsonValue, content_hash, stable_bytes
from training.data.synthesis.failures import BudgetSpentError, TeacherError
from training.data.synthesis.journal import Entry, Journal
from training.data.synthesis.purse import Purse, Spent
from training.data.synthesis.spec import Teacher, TeacherRun
from training.data.synthesis.wire import Failure, Reply, post_chat

_STOP_BEFORE_ANY: Final = 3
_STOP_LATER: Final = 10
"""Jobs without an answer, one after the other, that stop the run; later refusals do not count."""

FELL_SILENT: Final = "the teacher stopped answering"

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Job:
    """One request that the run needs. `sample` tells requests apart that are otherwise the same."""

    name: str
    body: Mapping[str, JsonValue]
    sample: int = 0

    @property
    def key(self) -> str:
        """The name of its answer in the journal."""
        return content_hash(stable_bytes(dict(self.body)), str(self.sample).encode())


class TeacherClient:
    """Answers jobs, from the journal where it has them. One event loop, one run."""

    def __init__(
        self,
        run: TeacherRun,
        client: httpx.AsyncClient,
        journal: Journal,
        *,
        rng: random.Random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._teacher = run.teacher
        self._retries = run.retries
        self._client = client
        self._journal = journal
        self._purse = Purse(run.budget, run.teacher.prices, journal.spent)
        self._rng = rng
        self._sleep = sleep
        self._hopeless = 0
        self._has_answered = False
        self.asked = 0

    @property
    def spent(self) -> Spent:
        """What all runs with this journal used up."""
        return self._purse.spent

    async def answer_all(
        self, jobs: Sequence[Job], on_answer: Callable[[], None]
    ) -> tuple[dict[str, Entry], str]:
        """Entries by the key of their job, and what ended the run early: a cap, `FELL_SILENT`, or nothing.

        A job without an answer after all attempts has no entry; a later run asks it again.

        Raises:
            TeacherError: the teacher refuses key or model, or the first jobs all stay without an answer.
            JournalError: an answer cannot be written down.
        """
        waiting = iter({job.key: job for job in jobs}.values())
        found: dict[str, Entry] = {}
        stopped: list[str] = []

        async def work() -> None:
            for job in waiting:
                if stopped:
                    return
                entry, reason = await self._attempt(job)
                stopped.extend(filter(None, [reason]))
                if entry is not None:
                    found[job.key] = entry
                on_answer()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._teacher.concurrency, len(jobs))):
                    group.create_task(work())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return found, stopped[0] if stopped else ""

    async def _attempt(self, job: Job) -> tuple[Entry | None, str]:
        """The entry of a job, and why no other should follow."""
        try:
            entry = await self._answer(job)
        except BudgetSpentError as error:
            return None, error.limit
        return entry, FELL_SILENT if self._hopeless >= _STOP_LATER else ""

    async def _answer(self, job: Job) -> Entry | None:
        known = self._journal.answer(job.key)
        if known is not None:
            return known
        reply = await self._persist(job)
        if reply.failure is None:
            self._has_answered, self._hopeless = True, 0
            return self._journal.answer(job.key)
        if reply.is_transient or not self._has_answered:
            self._hopeless += 1
        if not self._has_answered and self._hopeless >= _STOP_BEFORE_ANY:
            raise TeacherError(f"{self._teacher.url}: no answer to {self._hopeless} requests: {reply.detail}")
        return None

    async def _persist(self, job: Job) -> Reply:
        """Ask until there is an answer, a failure that stays, or no attempt left."""
        reply = await self._ask_once(job)
        for attempt in range(1, self._retries.attempts):
            if not reply.is_transient:
                break
            await self._sleep(self._pause(attempt, reply.retry_after_seconds))
            reply = await self._ask_once(job)
        return reply

    def _pause(self, attempt: int, wanted_seconds: float | None) -> float:
        """Full jitter over a doubled wait; what the server asks for is the least."""
        most = min(self._retries.base_seconds * 2 ** (attempt - 1), self._retries.max_seconds)
        drawn = self._rng.uniform(most / 2, most)
        return max(drawn, min(wanted_seconds or 0.0, self._retries.max_seconds))

    async def _ask_once(self, job: Job) -> Reply:
        body = dict(job.body)
        reserved = await self._purse.reserve(len(stable_bytes(body)), self._teacher.max_tokens)
        used = reserved
        try:
            reply = await post_chat(self._client, body, self._teacher.timeout_seconds)
            self.asked += 1
            used = self._used(reply, reserved)
            self._journal.write(self._entry(job, reply, used))
        except asyncio.CancelledError:
            # It is on its way and may be billed, so a later run has to count it.
            cut = Reply(failure=Failure.CONNECTION, detail="the run was stopped")
            self._journal.write(self._entry(job, cut, reserved))
            raise
        finally:
            await self._purse.settle(reserved, used)
        if reply.status in (401, 403, 404):
            raise TeacherError(f"{self._teacher.url}: {reply.detail}")
        return reply

    def _used(self, reply: Reply, worst: Spent) -> Spent:
        """Tokens that the server counted; where it may have worked without saying so, the worst case."""
        if reply.prompt_tokens is not None and reply.completion_tokens is not None:
            return self._purse.price(reply.prompt_tokens, reply.completion_tokens)
        is_unpaid = reply.failure in (Failure.RATE_LIMITED, Failure.SERVER, Failure.REFUSED)
        return Spent(requests=1) if is_unpaid else worst

    def _entry(self, job: Job, reply: Reply, used: Spent) -> Entry:
        return Entry(
            kind="failure" if reply.failure else "answer",
            key=job.key,
            job=job.name,
            teacher=self._teacher.label,
            text=reply.text,
            finish_reason=reply.finish_reason,
            refusal=reply.refusal,
            failure=reply.failure or "",
            detail=reply.detail,
            seconds=round(reply.seconds, 4),
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
            cost_usd=used.cost_usd,
        )


def with_sampling(body: Mapping[str, JsonValue], teacher: Teacher, seed: int) -> dict[str, JsonValue]:
    """A request with the teacher's own temperature, length and further fields."""
    request = {key: value for key, value in body.items() if key not in ("temperature", "max_tokens")}
    request[teacher.max_tokens_field] = teacher.max_tokens
    if teacher.temperature is not None:
        request["temperature"] = teacher.temperature
        request["seed"] = seed
    return {**request, **teacher.extra}


@asynccontextmanager
async def teacher_http(
    teacher: Teacher, api_key: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """The HTTP client of one run."""
    async with httpx.AsyncClient(
        base_url=teacher.url,
        headers={"authorization": f"Bearer {api_key}"} if api_key else {},
        limits=httpx.Limits(max_connections=teacher.concurrency),
        timeout=teacher.timeout_seconds,
        transport=transport,
    ) as client:
        yield client
