"""Owns the life of the engine and the gateway: start, restart, stop, and no orphans."""

from __future__ import annotations

import asyncio
import http.client
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from launcher import linux
from launcher.errors import LauncherError

Say = Callable[[str], None]

_READY_POLL_SECONDS = 0.25
# An engine that never came up will not come up the fourth time either.
_START_ATTEMPTS = 3
_KEEPER_PATIENCE_SECONDS = 15.0
_SWEEP_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class ChildPlan:
    """What to run. With a `log`, output goes there and is bounded; without, it goes to the terminal."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    grace_seconds: float
    log: Path | None = None


@dataclass
class Backoff:
    """How long to wait before the next start: doubling to a cap, from the start again after a long life."""

    first_seconds: float = 1.0
    cap_seconds: float = 60.0
    long_life_seconds: float = 120.0
    failures: int = field(default=0, init=False)

    def after(self, lived_seconds: float) -> float:
        """The wait after a process that lived so long."""
        if lived_seconds >= self.long_life_seconds:
            self.failures = 0
        self.failures += 1
        return float(min(self.cap_seconds, self.first_seconds * 2 ** min(self.failures - 1, 30)))


class Child:
    """One running plan, behind its keeper."""

    def __init__(self, plan: ChildPlan, process: asyncio.subprocess.Process) -> None:
        self._plan = plan
        self._process = process

    @classmethod
    async def start(cls, plan: ChildPlan) -> Child:
        """Start a keeper for the plan, in a session of its own, so that Ctrl-C reaches us alone."""
        log = [] if plan.log is None else ["--log", str(plan.log)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "launcher.keeper", *log),
            *("--grace", str(plan.grace_seconds), "--", *plan.command),
            stdin=asyncio.subprocess.PIPE,
            env=dict(plan.environment),
            start_new_session=True,
        )
        return cls(plan, process)

    async def wait(self) -> int:
        """The exit status, when nothing of the child runs any more."""
        status = await self._process.wait()
        await self._sweep()
        return status

    async def stop(self) -> None:
        """Ask, wait for the grace, kill. Nothing of the child runs afterwards."""
        if self._process.returncode is None:
            self._process.terminate()
            patience = self._plan.grace_seconds + _KEEPER_PATIENCE_SECONDS
            try:
                await asyncio.wait_for(self._process.wait(), patience)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self._sweep()

    async def _sweep(self) -> None:
        """End what a killed keeper left in its session; it fell to us, since we adopt orphans."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SWEEP_PATIENCE_SECONDS
        while left := linux.session_members(self._process.pid):
            late = loop.time() > deadline
            linux.send(left, signal.SIGKILL if late else signal.SIGTERM)
            await asyncio.sleep(0.1)


async def http_status(
    port: int, path: str, *, host: str = "127.0.0.1", timeout_seconds: float = 2.0
) -> int | None:
    """The status of a GET on this machine; none when nobody answers in time."""

    def ask() -> int | None:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    return await asyncio.to_thread(ask)


class Supervisor:
    """Runs an engine and a gateway until told to stop; the end of the gateway ends both."""

    def __init__(
        self,
        engine: ChildPlan,
        gateway: ChildPlan,
        *,
        is_ready: Callable[[], Awaitable[bool]],
        on_ready: Callable[[], None],
        say: Say,
        backoff: Backoff | None = None,
    ) -> None:
        self._engine_plan = engine
        self._gateway_plan = gateway
        self._is_ready = is_ready
        self._on_ready = on_ready
        self._say = say
        self._backoff = backoff or Backoff()
        self._was_ready = False
        self._engine: Child | None = None
        self._gateway: Child | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Return after `stop` was set; raise `LauncherError` when the system cannot go on."""
        tasks = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._keep_gateway()),
            asyncio.create_task(self._keep_engine()),
        ]
        announcer = asyncio.create_task(self._announce())
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*tasks, announcer):
                task.cancel()
            await asyncio.gather(*tasks, announcer, return_exceptions=True)
            # The gateway first: what it still serves needs the engine.
            for child in (self._gateway, self._engine):
                if child is not None:
                    await child.stop()

    async def _announce(self) -> None:
        while not await self._is_ready():  # noqa: ASYNC110 - another process cannot set an event
            await asyncio.sleep(_READY_POLL_SECONDS)
        self._was_ready = True
        self._on_ready()

    async def _keep_gateway(self) -> None:
        self._gateway = await Child.start(self._gateway_plan)
        status = await self._gateway.wait()
        raise LauncherError(
            f"The gateway ended ({_describe(status)}), so the engine is stopped too; its reason stands above."
        )

    async def _keep_engine(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            self._engine = await Child.start(self._engine_plan)
            status = await self._engine.wait()
            wait_seconds = self._backoff.after(loop.time() - started)
            if not self._was_ready and self._backoff.failures >= _START_ATTEMPTS:
                raise LauncherError(
                    f"The engine ended {self._backoff.failures} times before it was ready "
                    f"({_describe(status)}). {self._log_hint()}"
                )
            self._say(
                f"The engine ended ({_describe(status)}); starting it again in {wait_seconds:g} s. "
                f"{self._log_hint()}"
            )
            await asyncio.sleep(wait_seconds)

    def _log_hint(self) -> str:
        log = self._engine_plan.log
        if log is None or not log.exists():
            return "It left no log."
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 20_000))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
        errors = [line for line in lines if "Error" in line]
        last = next(iter(errors[-1:] or [line for line in lines if line][-1:]), "")
        return f"Its log is {log}; it says: {last[:400]}"


def _describe(status: int) -> str:
    """An exit status as words; a keeper reports signal n as 128 + n."""
    number = -status if status < 0 else status - 128
    if status < 0 or status > 128:
        try:
            return f"signal {signal.Signals(number).name}"
        except ValueError:
            return f"exit status {status}"
    return f"exit status {status}"
