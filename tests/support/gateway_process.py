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
from urllib.parse import urlsplit

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
        try:
            self._thread.run(self._start(), START_SECONDS)
        except BaseException:
            self._thread.close()
            self._socket.close()
            raise
        return self

    def wait_ready(self, *engines: str) -> Self:
        """Wait until the gateway is ready and, as `pool/index`, these engines are up too."""
        wait_for_status(f"{self.url}/readyz", 200)
        for name in engines:
            wait_for_text(f"{self.url}/metrics", f'firstline_engine_up{{engine="{name}"}} 1.0')
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
        self._serving = asyncio.create_task(self._serve(self._server))
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise RuntimeError("the gateway did not start")
            await asyncio.sleep(_POLL_SECONDS)

    async def _serve(self, server: uvicorn.Server) -> None:
        try:
            await server.serve(sockets=[self._socket])
        except SystemExit as error:
            raise RuntimeError("the gateway's start-up failed; its log says why") from error

    async def _stop(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving


class GatewayProcess:
    """The gateway as a process of its own, as an operator runs it; what it writes goes to `log`."""

    def __init__(self, config: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = (sys.executable, "-m", "gateway", "--config", str(config))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTLINE_")}
        variables = {**inherited, **(environment or {}), "FIRSTLINE_PORT": str(port)}
        variables["PYTHONPATH"] = os.pathsep.join(
            filter(None, (str(REPOSITORY), inherited.get("PYTHONPATH")))
        )
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=REPOSITORY, env=variables, stdout=output, stderr=subprocess.STDOUT
            )

    def wait_ready(self) -> Self:
        """Wait until it serves."""
        wait_for_status(f"{self.url}/readyz", 200, lambda: self._process.poll() is None)
        return self

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def wait(self) -> int:
        """Wait for the end and give the exit status."""
        return self._process.wait(START_SECONDS)

    def wait_refusing(self) -> None:
        """Wait until no new connection is taken."""
        deadline = time.monotonic() + START_SECONDS
        place = urlsplit(self.url)
        while time.monotonic() < deadline:
            try:
                socket.create_connection((place.hostname, place.port or 0)).close()
            except ConnectionRefusedError:
                return
            time.sleep(_POLL_SECONDS)
        raise TimeoutError("the gateway still takes connections")

    def stop(self) -> int:
        """Send SIGTERM and give the exit status."""
        self.terminate()
        return self.wait()

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
    _wait_for(url, lambda response: response.status_code == status, f"status {status}", is_alive)


def wait_for_text(url: str, text: str) -> None:
    """Ask until the reply holds the text.

    Raises:
        TimeoutError: it did not come in time.
    """
    _wait_for(url, lambda response: text in response.text, text, lambda: True)


def _wait_for(
    url: str, is_met: Callable[[httpx.Response], bool], what: str, is_alive: Callable[[], bool]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    seen: object = None
    with httpx.Client() as client:
        while time.monotonic() < deadline and is_alive():
            try:
                response = client.get(url)
                if is_met(response):
                    return
                seen = f"{response.status_code} {response.text[:500]}"
            except httpx.TransportError as error:
                seen = error
            time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"{url} did not give {what}; last: {seen}")
