"""The gateway's side of the worker processes: a connection is a worker of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from typing import Any

import structlog

from gateway.intake.frames import HEADER
from gateway.telemetry.faults import fault_fields

_log = structlog.get_logger(__name__)
START_SECONDS = 30.0


class WorkerLimitError(Exception):
    """The job used up its time or its memory."""


class NoWorkerError(Exception):
    """No worker process can be started."""


class ForkServer:
    """Starts the process that has the libraries loaded, and again if it dies."""

    def __init__(self, *, memory_bytes: int, cpu_seconds: float) -> None:
        self._limits = (str(memory_bytes), str(cpu_seconds))
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()

    async def connect(self) -> Worker:
        """Give a fresh worker.

        Raises:
            NoWorkerError: the process cannot be started, or does not answer.
        """
        try:
            async with self._starting:
                control = await self._started()
            return await Worker.over(control)
        except (OSError, TimeoutError, WorkerLimitError) as error:
            _log.error("schema_worker_not_started", **fault_fields(error))
            raise NoWorkerError from error

    async def close(self) -> None:
        """End the process; workers without a job end with their connections."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def _started(self) -> socket.socket:
        if self._process is not None and self._process.returncode is None and self._control is not None:
            return self._control
        await self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.intake.worker",
                str(theirs.fileno()),
                *self._limits,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # What reads hostile input need not hold the gateway's secrets.
                env={name: value for name, value in os.environ.items() if not name.startswith("FIRSTLINE_")},
            )
        self._control = ours
        return ours


class Worker:
    """One worker process, which lives as long as its connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pid: int | None = None

    @classmethod
    async def over(cls, control: socket.socket) -> Worker:
        """Have one forked. Raises OSError, TimeoutError or WorkerLimitError where there is none."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(control, [b"w"], [theirs.fileno()])
        ours.setblocking(False)
        worker = cls(*await asyncio.open_unix_connection(sock=ours))
        try:
            async with asyncio.timeout(START_SECONDS):
                worker._pid = int((await worker._read())["pid"])
        except BaseException:
            await worker.end()
            raise
        return worker

    async def exchange(self, frame: bytes) -> dict[str, Any]:
        """Send a frame and read the answer. Raises WorkerLimitError where the process dies of it."""
        try:
            self._writer.write(frame)
            await self._writer.drain()
        except ConnectionError as error:
            raise WorkerLimitError("the worker is gone") from error
        return await self._read()

    async def _read(self) -> dict[str, Any]:
        try:
            sizes = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            answer: dict[str, Any] = json.loads(await self._reader.readexactly(sizes[0]))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self._pid = None  # dead, and its number may be another's by now
            raise WorkerLimitError("it used up its time or memory") from error
        return answer

    def kill(self) -> None:
        """End the process, though it be in the middle of a job."""
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._pid = None

    async def end(self) -> None:
        """Close the connection, with which an idle worker ends."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
