"""Keeps the adapters on every engine in step with what is wanted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from contracts.adapter import AdapterManifest
from gateway.adapters._demand import Demand
from gateway.adapters._engine_adapters import EngineAdapters
from gateway.adapters._loads import AdapterStatus
from gateway.adapters._pools import loading_pools, pool_of
from gateway.adapters._wishes import Wishes
from gateway.adapters.ports import AdapterPool
from gateway.adapters.store import AdapterStore
from gateway.errors import AdapterNotReadyError, AdapterRefusedError, EngineUnavailableError
from gateway.settings import AdapterSettings

_SHORTEST_WAIT_SECONDS: Final = 0.05
_HURRY_SECONDS: Final = 0.1
"""Until the next look while something urgent waits for a place: nobody tells that an adapter is idle."""


class Reconciler:
    """Gathers what is wanted and has each engine follow; engines do not wait for each other.

    Where not all that is wanted fits on an engine, those used most stay; one that requests wait for is
    loaded on one engine in place of the coldest, one that a registration waits for on all of them.
    """

    def __init__(
        self,
        pools: Mapping[str, AdapterPool],
        store: AdapterStore,
        settings: AdapterSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pools = loading_pools(pools.values())
        self._settings = settings
        self._wishes = Wishes()
        self._woken = asyncio.Event()
        self._progress = asyncio.Condition()
        self._engines = {
            pool.name: tuple(
                EngineAdapters(
                    engine, pool, store=store, settings=settings, clock=clock, wake=self._woken.set
                )
                for engine in pool.engines
            )
            for pool in self._pools
        }
        self._demands = {pool.name: Demand(clock) for pool in self._pools}
        for pool in self._pools:
            pool.on_wait(self._woken.set)

    def aim(self, manifests: Iterable[AdapterManifest]) -> None:
        """Set what the channels name; replaces the last aim."""
        if self._wishes.aim(manifests):
            self._woken.set()

    def want(self, manifest: AdapterManifest) -> None:
        """Ask for a version that a request pins, until others are asked for more recently."""
        if self._wishes.demand(manifest):
            self._woken.set()

    def withdraw(self, names: Iterable[str]) -> None:
        """Set what is retired: unloaded from every engine once its last request there is done."""
        if self._wishes.withdraw(names):
            self._woken.set()

    @contextmanager
    def holding(self, manifest: AdapterManifest) -> Iterator[None]:
        """Want a version for as long as the block lasts; a failure before it is forgotten."""
        for engine in self._all_engines():
            engine.forget(manifest.name)
        self._wishes.hold(manifest)
        self._woken.set()
        try:
            yield
        finally:
            self._wishes.release(manifest)

    async def wait_ready(self, manifest: AdapterManifest) -> None:
        """Wait, as long as one load may take, until each healthy engine has proven a version that is wanted.

        Raises:
            EngineUnavailableError: no engine was healthy.
            AdapterRefusedError: an engine failed with it repeatedly, or its files were altered.
            AdapterNotReadyError: an engine was not done in time.
        """
        seconds, name = self._settings.load_timeout_seconds, manifest.name
        pool = pool_of(manifest.base_model, self._pools)
        engines = self._engines[pool.name]
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._progress:
                await self._progress.wait_for(lambda: _is_settled(engines, name))
        late = [(engine.name, engine.remembered(name)) for engine in _missing(engines, name)]
        reasons = "; ".join(f"engine {engine!r}: {kept.reason or kept.state.value}" for engine, kept in late)
        if any(kept.is_hopeless for _, kept in late):
            raise AdapterRefusedError(f"{name} cannot be served: {reasons}")
        if late:
            raise AdapterNotReadyError(f"{name} was not ready in {seconds:g} s: {reasons}")
        if not any(engine.is_healthy for engine in engines):
            raise EngineUnavailableError(f"no engine of pool {pool.name!r} is answering")

    def status(self) -> tuple[AdapterStatus, ...]:
        """Every adapter on every engine that is wanted or known there."""
        return tuple(
            status
            for pool in self._pools
            for engine in self._engines[pool.name]
            for status in engine.statuses(self._wanted(pool))
        )

    def start_due(self, group: asyncio.TaskGroup) -> None:
        """Start everything that is due on any engine, and wait for none of it."""
        for pool in self._pools:
            self._start_due_of(group, pool)

    async def run(self) -> None:
        """Reconcile until cancelled: at once when something is wanted, and at each interval."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                self.start_due(group)
                await self._tell_progress()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._wait_seconds()):
                        await self._woken.wait()

    def _start_due_of(self, group: asyncio.TaskGroup, pool: AdapterPool) -> None:
        engines, wanted = self._engines[pool.name], self._wanted(pool)
        urgent = self._demands[pool.name].divide(
            engines,
            held=self._wishes.held & wanted.keys(),
            waiting=pool.waiting.keys() & wanted.keys(),
        )
        unwelcome = self._wishes.unwelcome(wanted)
        fits_all = len(wanted) <= pool.settings.max_resident_adapters
        for engine in engines:
            engine.expel(group, unwelcome)
            mine = wanted if fits_all or not engine.has_room else _rarest_first(wanted, engines)
            engine.start_due(group, mine, urgent[engine.name])

    async def _tell_progress(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    def _wait_seconds(self) -> float:
        """Until the next retry, at most the interval."""
        if any(engine.is_short for engine in self._all_engines()):
            return min(_HURRY_SECONDS, self._settings.reconcile_interval_seconds)
        retries = (wait for engine in self._all_engines() for wait in engine.retry_waits())
        return max(_SHORTEST_WAIT_SECONDS, min([self._settings.reconcile_interval_seconds, *retries]))

    def _wanted(self, pool: AdapterPool) -> dict[str, AdapterManifest]:
        return self._wishes.of(pool.settings.models, pool.waiting)

    def _all_engines(self) -> Iterator[EngineAdapters]:
        return (engine for engines in self._engines.values() for engine in engines)


def _rarest_first(
    wanted: Mapping[str, AdapterManifest], engines: Sequence[EngineAdapters]
) -> dict[str, AdapterManifest]:
    """What the fewest engines have comes first, so that the engines of a pool hold different ones."""
    copies = Counter(name for engine in engines for name in engine.residents)
    return {name: wanted[name] for name in sorted(wanted, key=lambda name: copies[name])}


def _missing(engines: Iterable[EngineAdapters], name: str) -> list[EngineAdapters]:
    """The healthy engines that have not proven an adapter."""
    return [engine for engine in engines if engine.is_healthy and not engine.is_ready(name)]


def _is_settled(engines: Iterable[EngineAdapters], name: str) -> bool:
    """Whether waiting longer changes nothing: all healthy engines are done, or one is a hopeless case."""
    missing = _missing(engines, name)
    return any(engine.is_healthy for engine in engines) and (
        not missing or any(engine.remembered(name).is_hopeless for engine in missing)
    )
