"""Keeps the adapters on every engine in step with what is wanted."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from contracts.adapter import AdapterManifest
from gateway.adapters._engine_calls import LIST_TIMEOUT_SECONDS, listed_models, load, prove, unload
from gateway.adapters._loads import AdapterStatus, Load, LoadState
from gateway.adapters._wishes import Wishes
from gateway.adapters.ports import AdapterEngine, AdapterPool
from gateway.adapters.store import AdapterStore
from gateway.errors import (
    AdapterNotReadyError,
    AdapterRefusedError,
    EngineUnavailableError,
    GatewayError,
)
from gateway.settings import AdapterSettings, PoolKind

_log = structlog.get_logger(__name__)

KEEP_UNWANTED: Final = 8
"""Versions for each engine that stay loaded after they were last wanted, so that a rollback finds them."""
_LOADS_AT_ONCE: Final = 4
_SHORTEST_WAIT_SECONDS: Final = 0.05


class Reconciler:
    """Loads, proves and unloads; `ready_adapters` of an engine holds what a generation has proven.

    Each adapter on each engine goes its own way: one that fails is retried with growing waits and
    holds up no other.
    """

    def __init__(
        self,
        pools: Mapping[str, AdapterPool],
        store: AdapterStore,
        settings: AdapterSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pools = tuple(pool for pool in pools.values() if pool.settings.kind is PoolKind.VLLM)
        self._store = store
        self._settings = settings
        self._clock = clock
        self._wishes = Wishes()
        self._loads: dict[tuple[str, str], Load] = {}
        self._unwanted: dict[str, OrderedDict[str, None]] = {}
        self._up: frozenset[str] = frozenset()
        self._check_at: dict[str, float] = {}
        self._gates = {
            engine.name: asyncio.Semaphore(_LOADS_AT_ONCE) for pool in self._pools for engine in pool.engines
        }
        self._woken = asyncio.Event()
        self._progress = asyncio.Condition()

    def aim(self, manifests: Iterable[AdapterManifest]) -> None:
        """Set what the channels name; replaces the last aim."""
        if self._wishes.aim(manifests):
            self._woken.set()

    def want(self, manifest: AdapterManifest) -> None:
        """Ask for a version that a request pins, until others are asked for more recently."""
        if self._wishes.demand(manifest):
            self._woken.set()

    @contextmanager
    def holding(self, manifest: AdapterManifest) -> Iterator[None]:
        """Want a version for as long as the block lasts; a failure before it is forgotten."""
        for key in [key for key, kept in self._loads.items() if key[1] == manifest.name and not kept.is_busy]:
            del self._loads[key]
        self._wishes.hold(manifest)
        self._woken.set()
        try:
            yield
        finally:
            self._wishes.release(manifest)

    async def wait_ready(self, manifest: AdapterManifest, timeout_seconds: float) -> None:
        """Wait until each healthy engine of the pool has proven a version that is wanted.

        Raises:
            EngineUnavailableError: no engine was healthy.
            AdapterRefusedError: an engine failed with it repeatedly, or its files were altered.
            AdapterNotReadyError: an engine was not done in time.
        """
        pool = self._pool_of(manifest)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds), self._progress:
                await self._progress.wait_for(lambda: self._is_settled(pool, manifest.name))
        late = [
            (engine, self._loads.get((engine.name, manifest.name), Load()))
            for engine in pool.engines
            if engine.is_healthy and manifest.name not in engine.ready_adapters
        ]
        reasons = "; ".join(
            f"engine {engine.name!r}: {kept.reason or kept.state.value}" for engine, kept in late
        )
        if any(kept.is_hopeless for _, kept in late):
            raise AdapterRefusedError(f"{manifest.name} cannot be served: {reasons}")
        if late:
            raise AdapterNotReadyError(f"{manifest.name} was not ready in {timeout_seconds:g} s: {reasons}")
        if not any(engine.is_healthy for engine in pool.engines):
            raise EngineUnavailableError(f"no engine of pool {pool.name!r} is answering")

    def status(self) -> tuple[AdapterStatus, ...]:
        """Every adapter on every engine that is wanted or known there."""
        return tuple(
            self._status(engine, name)
            for pool in self._pools
            for engine in pool.engines
            for name in sorted(
                {*self._wanted(pool), *(key[1] for key in self._loads if key[0] == engine.name)}
            )
        )

    async def run(self) -> None:
        """Reconcile until cancelled: at once when something is wanted, and at each interval."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                self._forget_restarted()
                for pool in self._pools:
                    self._start_loads(group, pool)
                    self._start_unloads(group, pool)
                    self._start_checks(group, pool)
                await self._tell_progress()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._wait_seconds()):
                        await self._woken.wait()

    def _start_loads(self, group: asyncio.TaskGroup, pool: AdapterPool) -> None:
        now = self._clock()
        wanted = self._wanted(pool)
        for engine in filter(lambda engine: engine.is_healthy, pool.engines):
            for name, manifest in wanted.items():
                kept = self._loads.setdefault((engine.name, name), Load())
                if not kept.is_busy and name not in engine.ready_adapters and now >= kept.retry_at:
                    kept.begin()
                    group.create_task(self._load(pool, engine, manifest, kept))

    def _start_unloads(self, group: asyncio.TaskGroup, pool: AdapterPool) -> None:
        wanted = self._wanted(pool)
        for engine in pool.engines:
            unwanted = self._unwanted.setdefault(engine.name, OrderedDict())
            for name in wanted:
                unwanted.pop(name, None)
            for (engine_name, name), kept in list(self._loads.items()):
                if engine_name != engine.name or name in wanted or kept.is_busy:
                    continue
                if kept.state is LoadState.READY:
                    unwanted.setdefault(name)
                else:
                    del self._loads[engine_name, name]
            while len(unwanted) > KEEP_UNWANTED:
                name, _ = unwanted.popitem(last=False)
                self._loads.setdefault((engine.name, name), Load()).is_busy = True
                group.create_task(self._unload(engine, name))

    def _start_checks(self, group: asyncio.TaskGroup, pool: AdapterPool) -> None:
        """Ask now and then what an engine has: one that restarts between two health checks looks well."""
        now = self._clock()
        for engine in pool.engines:
            if engine.ready_adapters and now >= self._check_at.get(engine.name, now):
                self._check_at[engine.name] = now + LIST_TIMEOUT_SECONDS
                group.create_task(self._check(engine))

    async def _check(self, engine: AdapterEngine) -> None:
        before = engine.ready_adapters
        try:
            lost = before - (await listed_models(engine)).keys()
        except GatewayError as error:
            _log.debug("adapter_check_failed", engine=engine.name, reason=error.message)
        else:
            if lost:
                _log.warning("adapters_lost", engine=engine.name, adapters=sorted(lost))
                engine.ready_adapters -= lost
                self._woken.set()
        finally:
            self._check_at[engine.name] = self._clock() + self._settings.reconcile_interval_seconds

    async def _load(
        self, pool: AdapterPool, engine: AdapterEngine, manifest: AdapterManifest, kept: Load
    ) -> None:
        seconds = self._settings.load_timeout_seconds
        try:
            async with self._gates[engine.name]:
                await asyncio.to_thread(self._store.verify, manifest)
                await load(engine, manifest, self._store.path(manifest), timeout_seconds=seconds)
                await prove(engine, manifest, timeout_seconds=seconds)
        except GatewayError as error:
            self._failed(engine, manifest, kept, error.message, isinstance(error, AdapterRefusedError))
        except Exception as error:  # noqa: BLE001 - supervised: a defect with one adapter stays with it
            _log.exception("adapter_load_defect", engine=engine.name, adapter=manifest.name)
            self._failed(engine, manifest, kept, type(error).__name__, is_final=False)
        else:
            engine.ready_adapters |= {manifest.name}
            kept.succeed()
            _log.info("adapter_ready", engine=engine.name, adapter=manifest.name)
            await pool.notify()
        finally:
            kept.is_busy = False
            self._woken.set()

    def _failed(
        self, engine: AdapterEngine, manifest: AdapterManifest, kept: Load, reason: str, is_final: bool
    ) -> None:
        kept.fail(reason, self._clock(), is_final=is_final)
        _log.warning(
            "adapter_load_failed",
            engine=engine.name,
            adapter=manifest.name,
            reason=reason,
            failures=kept.failures,
            state=kept.state.value,
        )

    async def _unload(self, engine: AdapterEngine, name: str) -> None:
        # Taken from the routing first, so that no request is sent to a name that is going.
        engine.ready_adapters -= {name}
        try:
            await unload(engine, name)
            _log.info("adapter_unloaded", engine=engine.name, adapter=name)
        except GatewayError as error:
            _log.warning("adapter_unload_failed", engine=engine.name, adapter=name, reason=error.message)
        finally:
            self._loads.pop((engine.name, name), None)
            self._woken.set()

    def _forget_restarted(self) -> None:
        """An engine that comes up has nothing loaded and deserves a first attempt with everything."""
        up = frozenset(e.name for pool in self._pools for e in pool.engines if e.is_healthy)
        for engine_name, name in list(self._loads):
            if engine_name in up - self._up and not self._loads[engine_name, name].is_busy:
                del self._loads[engine_name, name]
        for engine_name in up - self._up:
            self._unwanted.pop(engine_name, None)
        self._up = up

    async def _tell_progress(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    def _wait_seconds(self) -> float:
        """Until the next retry, at most the interval."""
        now = self._clock()
        waits = (kept.retry_at - now for kept in self._loads.values() if kept.state is LoadState.FAILED)
        # One that is overdue waits for its engine to come up, and needs no earlier look.
        retries = [wait for wait in waits if wait > 0]
        return max(_SHORTEST_WAIT_SECONDS, min([self._settings.reconcile_interval_seconds, *retries]))

    def _wanted(self, pool: AdapterPool) -> dict[str, AdapterManifest]:
        return self._wishes.of(pool.settings.models)

    def _pool_of(self, manifest: AdapterManifest) -> AdapterPool:
        for pool in self._pools:
            if manifest.base_model in pool.settings.models:
                return pool
        raise AdapterRefusedError(f"no pool that loads adapters serves base model {manifest.base_model!r}")

    def _is_settled(self, pool: AdapterPool, name: str) -> bool:
        healthy = [engine for engine in pool.engines if engine.is_healthy]
        missing = [engine for engine in healthy if name not in engine.ready_adapters]
        return bool(healthy) and (
            not missing or any(self._loads.get((engine.name, name), Load()).is_hopeless for engine in missing)
        )

    def _status(self, engine: AdapterEngine, name: str) -> AdapterStatus:
        kept = self._loads.get((engine.name, name), Load())
        if name in engine.ready_adapters:
            return AdapterStatus(engine.name, name, LoadState.READY)
        state = LoadState.WANTED if kept.state is LoadState.READY else kept.state
        return AdapterStatus(engine.name, name, state, kept.failures, kept.reason)
