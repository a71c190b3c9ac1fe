"""The real gateway under uvicorn: in a thread with uvicorn's own event loop, or as a process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import httpx
import uvicorn
import uvloop

from gateway.app import build_app
from gateway.settings import Settings
from tests.support._loop_thread import LoopThread
from tests.support.settings_files import REPOSITORY

START_SECONDS = 60.0
_POLL_SECONDS = 0.02


class GatewayThread:
    """Builds the app from settings and serves it on a free port of the loopback."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = LoopThread("gateway", uvloop.new_event_loop)
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> Self:
        """Serve; returns once the lifespan has started."""
        self._thread.run(self._start(), START_SECONDS)
        return self

    def wait_ready(self) -> Self:
        """Wait until every pool has an engine that answers."""
        wait_for_status(f"{self.url}/readyz", 200)
        return self

    def stop(self) -> None:
        """Drain and stop."""
        try:
            self._thread.run(self._stop())
        finally:
            self._thread.close()
            self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _start(self) -> None:
        config = uvicorn.Config(
            build_app(self.settings),
            lifespan="on",
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise RuntimeError("the gateway did not start")
            await asyncio.sleep(_POLL_SECONDS)

    async def _stop(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving


class GatewayProcess:
    """`firstline serve` as an operator runs it; what it writes goes to `log`."""

    def __init__(self, config: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = (sys.executable, "-m", "launcher.cli", "serve", "--config", str(config))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTLINE_")}
        variables = {**inherited, **(environment or {}), "FIRSTLINE_PORT": str(port)}
        variables["PYTHONPATH"] = str(REPOSITORY)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=REPOSITORY, env=variables, stdout=output, stderr=subprocess.STDOUT
            )

    def wait_ready(self) -> Self:
        """Wait until it serves."""
        wait_for_status(f"{self.url}/readyz", 200, lambda: self._process.poll() is None)
        return self

    def stop(self) -> int:
        """Send SIGTERM and give the exit status."""
        self._process.terminate()
        return self._process.wait(START_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.stop()


def wait_for_status(url: str, status: int, is_alive: Callable[[], bool] = lambda: True) -> None:
    """Ask until the status comes.

    Raises:
        TimeoutError: it did not come in time, or the server died.
    """
    deadline = time.monotonic() + START_SECONDS
    seen: object = None
    while time.monotonic() < deadline and is_alive():
        try:
            response = httpx.get(url)
            if response.status_code == status:
                return
            seen = f"{response.status_code} {response.text[:500]}"
        except httpx.TransportError as error:
            seen = error
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"{url} did not answer {status}; last: {seen}")
