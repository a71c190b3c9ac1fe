"""One engine's adapters: loaded, proven, checked and unloaded, within the places that the engine has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from contracts.adapter import AdapterManifest
from gateway.adapters._engine_check import EngineCheck
from gateway.adapters._loads import AdapterStatus, Load, LoadState
from gateway.adapters._moves import AdapterMoves
from gateway.adapters._residency import MIN_RESIDENT_SECONDS, Residency
from gateway.adapters.ports import AdapterEngine, AdapterPool
from gateway.adapters.store import AdapterStore
from gateway.settings import AdapterSettings

LOADS_AT_ONCE: Final = 4


class EngineAdapters:
    """Brings one engine towards what is wanted; its `ready_adapters` holds what a generation has proven.

    Each adapter goes its own way: one that fails is retried with growing waits and holds up no other.
    Never more than the pool's `max_resident_adapters` are on the engine, those that are being loaded or
    unloaded among them. `wake` is called after every change.
    """

    def __init__(
        self,
        engine: AdapterEngine,
        pool: AdapterPool,
        *,
        store: AdapterStore,
        settings: AdapterSettings,
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self.name = engine.name
        self.is_short = False
        """Whether something urgent waits for a place."""
        self._engine = engine
        self._clock = clock
        self._residency = Residency(pool.settings.max_resident_adapters, engine.uses, clock)
        self._moves = AdapterMoves(
            engine,
            pool,
            store=store,
            residency=self._residency,
            seconds=settings.load_timeout_seconds,
            done=wake,
        )
        self._check = EngineCheck(engine, self._residency, moves=self._moves, settings=settings, wake=wake)
        self._was_healthy = False

    @property
    def is_healthy(self) -> bool:
        """Whether the engine answers."""
        return self._engine.is_healthy

    @property
    def has_room(self) -> bool:
        """Whether one more adapter may be loaded without another going."""
        return self._residency.free > 0

    @property
    def residents(self) -> list[str]:
        """The adapters that have a place."""
        return [name for name, kept in self._residency.loads.items() if kept.has_place]

    def is_ready(self, adapter: str) -> bool:
        """Whether the engine has proven an adapter."""
        return adapter in self._engine.ready_adapters

    def can_take(self, adapter: str) -> bool:
        """Whether the engine answers and has not just failed with this adapter."""
        return self.is_healthy and self._clock() >= self.remembered(adapter).retry_at

    def burden(self, adapter: str) -> tuple[bool, bool, int]:
        """How unfit the engine is to load an adapter: without a place for it, then by its requests."""
        kept = self.remembered(adapter)
        has_place = kept.has_place or self.has_room
        return kept.state is LoadState.LEAVING, not has_place, self._engine.in_flight

    def remembered(self, name: str) -> Load:
        """What is remembered of an adapter; a blank where nothing is."""
        return self._residency.remembered(name)

    def forget(self, name: str) -> None:
        """Give an adapter a first attempt again, unless the engine is being asked right now."""
        self._residency.forgive(name)

    def statuses(self, wanted: Iterable[str]) -> tuple[AdapterStatus, ...]:
        """Every adapter that is wanted or remembered, by name."""
        return tuple(self._status(name) for name in sorted({*wanted, *self._residency.loads}))

    def retry_waits(self) -> list[float]:
        """The seconds to each retry that is ahead; one that is overdue waits for the engine to come up."""
        now = self._clock()
        failed = (kept for kept in self._residency.loads.values() if kept.state is LoadState.FAILED)
        return [kept.retry_at - now for kept in failed if kept.retry_at > now]

    def start_due(
        self,
        group: asyncio.TaskGroup,
        wanted: Mapping[str, AdapterManifest],
        urgent: Mapping[str, float] | None = None,
    ) -> None:
        """Start the loads, unloads and checks that are due, and wait for none of them.

        `urgent` are those that something waits for, with the time since when.
        """
        urgent = urgent or {}
        self._forget_if_restarted()
        self._residency.drop(wanted)
        self.is_short = False
        if self.is_healthy and self._check.is_done:
            lacking = self._start_loads(group, wanted, urgent)
            self.is_short = any(name in urgent for name in lacking)
            self._make_room(group, lacking, wanted, urgent)
        self._check.start_due(group)

    def expel(self, group: asyncio.TaskGroup, names: Iterable[str]) -> None:
        """Have adapters leave that nobody may use any more; one that stays is told again later."""
        now = self._clock()
        for name in names:
            kept = self.remembered(name)
            is_rested = now - kept.since >= MIN_RESIDENT_SECONDS
            if self.is_healthy and kept.has_place and not kept.is_busy and is_rested:
                self._evict(group, name, kept)

    def _evict(self, group: asyncio.TaskGroup, name: str, kept: Load) -> None:
        kept.leave()
        # Taken from the routing at once, so that no request is sent to a name that is going.
        self._engine.ready_adapters -= {name}
        group.create_task(self._moves.evict(name, kept))

    def _forget_if_restarted(self) -> None:
        """An engine that comes up has nothing loaded and deserves a first attempt with everything."""
        if self.is_healthy and not self._was_healthy:
            idle = [name for name, kept in self._residency.loads.items() if not kept.is_busy]
            for name in idle:
                del self._residency.loads[name]
            self._moves.forget()
            self._check.forget()
        self._was_healthy = self.is_healthy

    def _start_loads(
        self,
        group: asyncio.TaskGroup,
        wanted: Mapping[str, AdapterManifest],
        urgent: Mapping[str, float],
    ) -> list[str]:
        """Start what there is room for; give the names of those that lack a place."""
        lacking = []
        free = self._residency.free
        started = self._residency.counted(LoadState.LOADING)
        for manifest in self._residency.due(wanted, self._engine.ready_adapters, urgent):
            if started >= LOADS_AT_ONCE:
                break
            has_place = self.remembered(manifest.name).has_place
            if not has_place and free <= 0:
                lacking.append(manifest.name)
                continue
            free -= not has_place
            started += 1
            kept = self._residency.loads.setdefault(manifest.name, Load())
            kept.begin()
            group.create_task(self._moves.load(manifest, kept))
        return lacking

    def _make_room(
        self,
        group: asyncio.TaskGroup,
        lacking: list[str],
        wanted: Mapping[str, AdapterManifest],
        urgent: Mapping[str, float],
    ) -> None:
        """Have as many adapters leave as are to be loaded next, those that are on their way out counted."""
        leaving = self._residency.counted(LoadState.LEAVING)
        for name in lacking[leaving:LOADS_AT_ONCE]:
            leaver = self._residency.leaver(wanted, urgent, for_one=name)
            if leaver is None:
                return
            self._evict(group, leaver, self._residency.loads[leaver])

    def _status(self, name: str) -> AdapterStatus:
        if self.is_ready(name):
            return AdapterStatus(self.name, name, LoadState.READY)
        kept = self.remembered(name)
        state = LoadState.WANTED if kept.state is LoadState.READY else kept.state
        return AdapterStatus(self.name, name, state, kept.failures, kept.reason)
