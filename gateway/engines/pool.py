"""Pools: the engines that serve one base model, their health and their proven adapters."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final

import structlog

from gateway.engines._uses import AdapterUses
from gateway.engines.client import EngineClient, EngineUnreachableError
from gateway.errors import AdapterNotReadyError, EngineUnavailableError, GatewayError
from gateway.settings import EngineSettings, PoolKind, PoolSettings

_log = structlog.get_logger(__name__)
HEALTH_TIMEOUT_SECONDS: Final = 5.0
MAX_WAITING: Final = 1024
"""Requests of a pool that wait for an adapter at once; the next one is told to come back."""
MAX_MISSED_CHECKS: Final = 3
"""Checks in a row without a good answer that lose an engine. A busy one misses a check now and then, and
losing it costs its proven adapters."""


class Engine:
    """One server of a pool. Only the health loop and the reconciler change what it is known to be.

    `ready_adapters` are those that a generation has proven on this engine since it last came up;
    `uses` says how much requests use them.
    """

    def __init__(
        self,
        name: str,
        settings: EngineSettings,
        client: EngineClient,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.settings = settings
        self.client = client
        self.is_healthy = False
        self.in_flight = 0
        self.ready_adapters: frozenset[str] = frozenset()
        self.uses = AdapterUses(clock)
        self.version: str | None = None
        self._missed_checks = 0

    @contextmanager
    def occupied(self, adapter: str | None = None) -> Iterator[None]:
        """Count one request, and its adapter's use, while it is on this engine."""
        self.in_flight += 1
        if adapter is not None:
            self.uses.begin(adapter)
        try:
            yield
        finally:
            self.in_flight -= 1
            if adapter is not None:
                self.uses.end(adapter)

    def found(self) -> None:
        """Note a check that was answered well."""
        if not self.is_healthy:
            _log.info("engine_up", engine=self.name)
        self.is_healthy = True
        self._missed_checks = 0

    def missed(self, reason: str) -> None:
        """Note a check without a good answer; `MAX_MISSED_CHECKS` in a row lose the engine."""
        self._missed_checks += 1
        if self.is_healthy:
            _log.warning("engine_check_missed", engine=self.name, in_a_row=self._missed_checks, reason=reason)
        if self._missed_checks >= MAX_MISSED_CHECKS:
            self.lost()

    def lost(self) -> None:
        """Note that the engine is gone: what it had loaded must be proven again."""
        if self.is_healthy:
            _log.warning("engine_lost", engine=self.name)
        self.is_healthy = False
        self.ready_adapters = frozenset()

    def lost_adapter(self, adapter: str) -> None:
        """Note that the engine no longer has this adapter: it has restarted between two checks."""
        self.ready_adapters -= {adapter}

    def serves(self, adapter: str | None) -> bool:
        """Whether a request with this adapter (or none) may go here now."""
        return self.is_healthy and (adapter is None or adapter in self.ready_adapters)


class Pool:
    """Chooses an engine for each request: healthy, adapter proven, fewest requests in flight.

    `waiting` counts the requests that wait for each adapter; the reconciler loads those first.
    """

    def __init__(self, name: str, settings: PoolSettings, *, ready_wait_seconds: float) -> None:
        self.name = name
        self.settings = settings
        self._ready_wait_seconds = ready_wait_seconds
        self._changed = asyncio.Condition()
        self.waiting: Counter[str] = Counter()
        self._wake: Callable[[], None] = _nobody
        key = settings.api_key.get_secret_value() if settings.api_key else None
        self.engines = tuple(
            Engine(
                f"{name}/{index}",
                engine,
                EngineClient(
                    engine.url,
                    api_key=key,
                    max_connections=settings.max_connections,
                    connect_timeout_seconds=settings.connect_timeout_seconds,
                ),
            )
            for index, engine in enumerate(settings.engines)
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the clients open and the health loops going."""
        async with AsyncExitStack() as stack:
            for engine in self.engines:
                await stack.enter_async_context(engine.client)
            async with asyncio.TaskGroup() as group:
                loops = [group.create_task(self._watch(engine)) for engine in self.engines]
                try:
                    yield
                finally:
                    for loop in loops:
                        loop.cancel()

    @property
    def is_ready(self) -> bool:
        """Whether any engine answers."""
        return any(engine.is_healthy for engine in self.engines)

    async def choose(self, adapter: str | None, tried: frozenset[str] = frozenset()) -> Engine:
        """Take the least busy engine that serves the adapter, waiting for one that is loading it.

        Raises:
            EngineUnavailableError: no engine that was not tried answers its health check.
            AdapterNotReadyError: none has proven the adapter within the wait, or too many wait already.
        """
        engine = self._least_busy(adapter, tried)
        if engine is not None:
            return engine
        if adapter is not None and any(e.is_healthy and e.name not in tried for e in self.engines):
            engine = await self._wait_for(adapter, tried)
            if engine is not None:
                return engine
            raise AdapterNotReadyError(
                f"no engine of pool {self.name!r} has loaded {adapter!r} yet", retry_after_seconds=2
            )
        raise EngineUnavailableError(
            f"no engine of pool {self.name!r} is answering; try again shortly", retry_after_seconds=5
        )

    def on_wait(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when a first request begins to wait for an adapter."""
        self._wake = wake

    async def notify(self) -> None:
        """Wake those who wait for an adapter."""
        async with self._changed:
            self._changed.notify_all()

    def _least_busy(self, adapter: str | None, tried: frozenset[str]) -> Engine | None:
        usable = [e for e in self.engines if e.name not in tried and e.serves(adapter)]
        return min(usable, key=lambda engine: engine.in_flight, default=None)

    async def _wait_for(self, adapter: str, tried: frozenset[str]) -> Engine | None:
        if self.waiting.total() >= MAX_WAITING:
            return None
        with self._awaited(adapter):
            try:
                async with asyncio.timeout(self._ready_wait_seconds), self._changed:
                    await self._changed.wait_for(lambda: self._least_busy(adapter, tried) is not None)
            except TimeoutError:
                return None
        # Nothing is awaited from here until the request is counted, so the adapter is not taken meanwhile.
        return self._least_busy(adapter, tried)

    @contextmanager
    def _awaited(self, adapter: str) -> Iterator[None]:
        self.waiting[adapter] += 1
        if self.waiting[adapter] == 1:
            self._wake()
        try:
            yield
        finally:
            self.waiting[adapter] -= 1
            if not self.waiting[adapter]:
                del self.waiting[adapter]

    async def _watch(self, engine: Engine) -> None:
        while True:
            await self._check(engine)
            await asyncio.sleep(self.settings.health_interval_seconds)

    async def _check(self, engine: Engine) -> None:
        # An upstream provider has no /health; its model list proves the same.
        path = "/health" if self.settings.kind is PoolKind.VLLM else "/v1/models"
        timeout_seconds = max(HEALTH_TIMEOUT_SECONDS, self.settings.connect_timeout_seconds)
        try:
            status = await engine.client.status(path, timeout_seconds=timeout_seconds)
        except EngineUnreachableError:
            engine.lost()
        except GatewayError as error:
            engine.missed(error.message)
        else:
            if not self._is_good(status):
                engine.missed(f"status {status}")
                return
            was_healthy = engine.is_healthy
            engine.found()
            if not was_healthy:
                await self.notify()

    def _is_good(self, status: int) -> bool:
        """A provider that refuses to list its models is still there; vLLM's own check refuses nothing."""
        return status < 300 or (self.settings.kind is PoolKind.OPENAI and 400 <= status < 500)


def _nobody() -> None:
    """Wakes nobody: what a pool without adapters calls."""
