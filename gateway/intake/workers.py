"""Turns at the worker processes: a hostile contract costs its worker, and others a short wait at most.

A job that is not done within `quick_seconds` keeps its worker but gives its turn back, and a fresh worker
takes its place; only `slow` jobs may go on so at a time, up to `limit_seconds` each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from gateway.intake.fair_queue import FairTurns, QueueFullError
from gateway.intake.fork_server import ForkServer, NoWorkerError, Worker, WorkerLimitError
from gateway.intake.frames import packed


class WorkerBusyError(Exception):
    """No worker is free for this job now; the same job may be sent again shortly."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`count` workers serve quick jobs, `slow` more may be busy with slow ones."""

    count: int = 2
    slow: int = 1
    quick_seconds: float = 0.25
    limit_seconds: float = 5.0
    waiting_for_each_tenant: int = 16


class Workers:
    """Workers are started when they are first needed, or by `warm`."""

    def __init__(self, settings: WorkerSettings, server: ForkServer) -> None:
        self._settings = settings
        self._server = server
        self._turns = FairTurns(settings.count, waiting=settings.waiting_for_each_tenant)
        self._idle: list[Worker] = []
        self._slow = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """On the way out every worker is ended, those that are being started too."""
        try:
            yield
        finally:
            self._is_closed = True
            while self._idle:
                self._discard(self._idle.pop())
            while self._tasks:
                await asyncio.wait(self._tasks)
            await self._server.close()

    def warm(self) -> None:
        """Start the workers, so that the first job need not wait for one."""
        for _ in range(self._settings.count):
            self._refill()

    async def ask(
        self, header: dict[str, Any], contract: bytes = b"", text: bytes = b"", *, tenant: str
    ) -> dict[str, Any]:
        """Have one job done.

        Raises:
            WorkerBusyError: too many wait, or the job is slow and other slow ones are being done.
            WorkerLimitError: it used up its time or memory.
        """
        try:
            await self._turns.take(tenant)
        except QueueFullError as error:
            raise WorkerBusyError from error
        turn = _Turn(self._turns)
        worker: Worker | None = None
        try:
            worker = self._idle.pop() if self._idle else await self._fresh()
            answer = asyncio.ensure_future(worker.exchange(packed(header, contract, text)))
            try:
                reply = await self._wait(answer, turn)
            finally:
                answer.cancel()
            self._keep(worker)
            worker = None
            return reply
        finally:
            if worker is not None:
                self._discard(worker)
                self._refill()
            turn.end()

    async def _fresh(self) -> Worker:
        try:
            return await self._server.connect()
        except NoWorkerError as error:
            raise WorkerBusyError from error

    async def _wait(self, answer: asyncio.Future[dict[str, Any]], turn: _Turn) -> dict[str, Any]:
        settings = self._settings
        done, _ = await asyncio.wait({answer}, timeout=settings.quick_seconds)
        if done:
            return answer.result()
        if self._slow >= settings.slow:
            raise WorkerBusyError
        self._slow += 1
        self._refill()
        turn.end()
        try:
            done, _ = await asyncio.wait({answer}, timeout=settings.limit_seconds - settings.quick_seconds)
        finally:
            self._slow -= 1
        if not done:
            raise WorkerLimitError(f"it took over {settings.limit_seconds:g} s")
        return answer.result()

    def _keep(self, worker: Worker) -> None:
        if self._is_closed or len(self._idle) >= self._settings.count:
            self._discard(worker)
        else:
            self._idle.append(worker)

    def _discard(self, worker: Worker) -> None:
        worker.kill()
        self._go(worker.end())

    def _refill(self) -> None:
        if not self._is_closed:
            self._go(self._start_one())

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_one(self) -> None:
        with contextlib.suppress(WorkerBusyError):  # logged; the next job tries again
            self._keep(await self._fresh())


@dataclass(slots=True)
class _Turn:
    """A turn that is given back once."""

    turns: FairTurns
    is_held: bool = True

    def end(self) -> None:
        if self.is_held:
            self.is_held = False
            self.turns.give_back()
