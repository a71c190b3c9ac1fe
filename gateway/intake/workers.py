"""Bounded worker processes: a hostile contract costs its worker, and others a short wait at most.

A job that is not done within `quick_seconds` keeps its process but gives its turn back, and a fresh process
takes its place; only `slow` jobs may go on so at a time, up to `limit_seconds` each.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.intake.fair_queue import FairTurns, QueueFullError
from gateway.intake.frames import HEADER, packed
from gateway.telemetry.faults import fault_fields

_log = structlog.get_logger(__name__)
START_SECONDS = 30.0


class WorkerBusyError(Exception):
    """No worker is free for this job now; the same job may be sent again shortly."""


class WorkerLimitError(Exception):
    """The job used up its time or its memory."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`count` processes serve quick jobs, `slow` more may be busy with slow ones."""

    count: int = 2
    slow: int = 1
    quick_seconds: float = 0.25
    limit_seconds: float = 5.0
    memory_bytes: int = 1024**3
    waiting_for_each_tenant: int = 16


class Workers:
    """Processes are started when they are first needed, or by `warm`."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._turns = FairTurns(settings.count, waiting=settings.waiting_for_each_tenant)
        self._idle: list[_Process] = []
        self._slow = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """On the way out every process is ended, those that are being started too."""
        try:
            yield
        finally:
            self._is_closed = True
            while self._idle:
                self._discard(self._idle.pop())
            while self._tasks:
                await asyncio.wait(self._tasks, timeout=START_SECONDS)

    def warm(self) -> None:
        """Start the processes, so that the first job need not wait for one."""
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
        process: _Process | None = None
        try:
            process = self._idle.pop() if self._idle else await self._started()
            answer = asyncio.ensure_future(process.exchange(packed(header, contract, text)))
            try:
                reply = await self._wait(answer, turn)
            finally:
                answer.cancel()
            self._keep(process)
            process = None
            return reply
        finally:
            if process is not None:
                self._discard(process)
                self._refill()
            turn.end()

    async def _started(self) -> _Process:
        try:
            return await _Process.start(self._settings)
        except (OSError, TimeoutError, WorkerLimitError) as error:
            _log.error("schema_worker_not_started", **fault_fields(error))
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

    def _keep(self, process: _Process) -> None:
        if self._is_closed or len(self._idle) >= self._settings.count:
            self._discard(process)
        else:
            self._idle.append(process)

    def _discard(self, process: _Process) -> None:
        process.kill()
        self._go(process.reap())

    def _refill(self) -> None:
        if not self._is_closed:
            self._go(self._start_one())

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_one(self) -> None:
        with contextlib.suppress(WorkerBusyError):  # logged; the next job tries again
            self._keep(await self._started())


@dataclass(slots=True)
class _Turn:
    """A turn that is given back once."""

    turns: FairTurns
    is_held: bool = True

    def end(self) -> None:
        if self.is_held:
            self.is_held = False
            self.turns.give_back()


class _Process:
    """One worker process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, settings: WorkerSettings) -> _Process:
        """Start one, and wait until it has loaded its libraries."""
        limits = (str(settings.memory_bytes), str(settings.limit_seconds))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.intake.worker",
            *limits,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # What reads hostile input need not hold the gateway's secrets.
            env={name: value for name, value in os.environ.items() if not name.startswith("FIRSTLINE_")},
        )
        started = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await started.exchange(packed({"job": "prove", "key": ""}))
        except (TimeoutError, WorkerLimitError, asyncio.CancelledError):
            started.kill()
            await started.reap()
            raise
        return started

    async def exchange(self, frame: bytes) -> dict[str, Any]:
        """Send a frame and read the answer. Raises WorkerLimitError where the process dies of it."""
        reader, writer = self._process.stdout, self._process.stdin
        if reader is None or writer is None:
            raise WorkerLimitError("the worker has no pipes")
        try:
            writer.write(frame)
            await writer.drain()
            sizes = HEADER.unpack(await reader.readexactly(HEADER.size))
            answer: dict[str, Any] = json.loads(await reader.readexactly(sizes[0]))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise WorkerLimitError("it used up its time or memory") from error
        return answer

    def kill(self) -> None:
        """End the process now."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def reap(self) -> None:
        """Wait for its end, and let go of its pipes."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
