"""One engine's adapters: loaded, proven, checked and unloaded, and what is remembered of each."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog

from contracts.adapter import AdapterManifest
from gateway.adapters._engine_calls import LIST_TIMEOUT_SECONDS, listed_models, load, prove, unload
from gateway.adapters._loads import AdapterStatus, Load, LoadState
from gateway.adapters.ports import AdapterEngine, AdapterPool
from gateway.adapters.store import AdapterStore
from gateway.errors import AdapterRefusedError, GatewayError
from gateway.settings import AdapterSettings

_log = structlog.get_logger(__name__)

KEEP_UNWANTED: Final = 8
"""Versions that stay loaded after they were last wanted, so that a rollback finds them."""
_LOADS_AT_ONCE: Final = 4


class EngineAdapters:
    """Brings one engine towards what is wanted; its `ready_adapters` holds what a generation has proven.

    Each adapter goes its own way: one that fails is retried with growing waits and holds up no other.
    Remembered are the wanted ones and `KEEP_UNWANTED` more. `wake` is called after every change.
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
        self._engine = engine
        self._pool = pool
        self._store = store
        self._settings = settings
        self._clock = clock
        self._wake = wake
        self._loads: dict[str, Load] = {}
        self._unwanted: OrderedDict[str, None] = OrderedDict()
        self._was_healthy = False
        self._check_at = 0.0
        self._gate = asyncio.Semaphore(_LOADS_AT_ONCE)

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._engine.name

    @property
    def is_healthy(self) -> bool:
        """Whether the engine answers."""
        return self._engine.is_healthy

    def is_ready(self, name: str) -> bool:
        """Whether the engine has proven an adapter."""
        return name in self._engine.ready_adapters

    def remembered(self, name: str) -> Load:
        """What is remembered of an adapter; a blank where nothing is."""
        return self._loads.get(name, Load())

    def forget(self, name: str) -> None:
        """Give an adapter a first attempt again, unless the engine is being asked right now."""
        if not self.remembered(name).is_busy:
            self._loads.pop(name, None)

    def statuses(self, wanted: Iterable[str]) -> tuple[AdapterStatus, ...]:
        """Every adapter that is wanted or remembered, by name."""
        return tuple(self._status(name) for name in sorted({*wanted, *self._loads}))

    def retry_waits(self) -> list[float]:
        """The seconds to each retry that is ahead; one that is overdue waits for the engine to come up."""
        now = self._clock()
        failed = (kept for kept in self._loads.values() if kept.state is LoadState.FAILED)
        return [kept.retry_at - now for kept in failed if kept.retry_at > now]

    def start_due(self, group: asyncio.TaskGroup, wanted: Mapping[str, AdapterManifest]) -> None:
        """Start the loads, unloads and checks that are due, and wait for none of them."""
        self._forget_if_restarted()
        if self.is_healthy:
            self._start_loads(group, wanted)
        self._note_unwanted(wanted)
        self._start_unloads(group)
        self._start_check(group)

    def _forget_if_restarted(self) -> None:
        """An engine that comes up has nothing loaded and deserves a first attempt with everything."""
        if self.is_healthy and not self._was_healthy:
            for name in list(self._loads):
                self.forget(name)
            self._unwanted.clear()
        self._was_healthy = self.is_healthy

    def _start_loads(self, group: asyncio.TaskGroup, wanted: Mapping[str, AdapterManifest]) -> None:
        now = self._clock()
        for name, manifest in wanted.items():
            kept = self._loads.setdefault(name, Load())
            if not kept.is_busy and not self.is_ready(name) and now >= kept.retry_at:
                kept.begin()
                group.create_task(self._load(manifest, kept))

    def _note_unwanted(self, wanted: Mapping[str, AdapterManifest]) -> None:
        for name in wanted:
            self._unwanted.pop(name, None)
        for name, kept in list(self._loads.items()):
            if name in wanted or kept.is_busy:
                continue
            if kept.state is LoadState.READY:
                self._unwanted.setdefault(name)
            else:
                del self._loads[name]

    def _start_unloads(self, group: asyncio.TaskGroup) -> None:
        while len(self._unwanted) > KEEP_UNWANTED:
            name, _ = self._unwanted.popitem(last=False)
            self._loads.setdefault(name, Load()).is_busy = True
            group.create_task(self._unload(name))

    def _start_check(self, group: asyncio.TaskGroup) -> None:
        """Ask now and then what the engine has: one that restarts between two health checks looks well."""
        now = self._clock()
        if self._engine.ready_adapters and now >= self._check_at:
            self._check_at = now + LIST_TIMEOUT_SECONDS
            group.create_task(self._check())

    async def _load(self, manifest: AdapterManifest, kept: Load) -> None:
        seconds = self._settings.load_timeout_seconds
        try:
            async with self._gate:
                await asyncio.to_thread(self._store.verify, manifest)
                await load(self._engine, manifest, self._store.path(manifest), timeout_seconds=seconds)
                await prove(self._engine, manifest, timeout_seconds=seconds)
        except GatewayError as error:
            self._note_failure(manifest, kept, error.message, is_final=isinstance(error, AdapterRefusedError))
        except Exception as error:  # noqa: BLE001 - supervised: a defect with one adapter stays with it
            _log.exception("adapter_load_defect", engine=self.name, adapter=manifest.name)
            self._note_failure(manifest, kept, type(error).__name__, is_final=False)
        else:
            self._engine.ready_adapters |= {manifest.name}
            kept.succeed()
            _log.info("adapter_ready", engine=self.name, adapter=manifest.name)
            await self._pool.notify()
        finally:
            kept.is_busy = False
            self._wake()

    def _note_failure(self, manifest: AdapterManifest, kept: Load, reason: str, *, is_final: bool) -> None:
        kept.fail(reason, self._clock(), is_final=is_final)
        _log.warning(
            "adapter_load_failed",
            engine=self.name,
            adapter=manifest.name,
            reason=reason,
            failures=kept.failures,
            state=kept.state.value,
        )

    async def _unload(self, name: str) -> None:
        # Taken from the routing first, so that no request is sent to a name that is going.
        self._engine.ready_adapters -= {name}
        try:
            await unload(self._engine, name)
            _log.info("adapter_unloaded", engine=self.name, adapter=name)
        except GatewayError as error:
            _log.warning("adapter_unload_failed", engine=self.name, adapter=name, reason=error.message)
        except Exception:  # noqa: BLE001 - supervised: as with a load
            _log.exception("adapter_unload_defect", engine=self.name, adapter=name)
        finally:
            self._loads.pop(name, None)
            self._wake()

    async def _check(self) -> None:
        before = self._engine.ready_adapters
        try:
            lost = before - (await listed_models(self._engine)).keys()
        except GatewayError as error:
            _log.debug("adapter_check_failed", engine=self.name, reason=error.message)
        except Exception:  # noqa: BLE001 - supervised: as with a load
            _log.exception("adapter_check_defect", engine=self.name)
        else:
            if lost:
                _log.warning("adapters_lost", engine=self.name, adapters=sorted(lost))
                self._engine.ready_adapters -= lost
                self._wake()
        finally:
            self._check_at = self._clock() + self._settings.reconcile_interval_seconds

    def _status(self, name: str) -> AdapterStatus:
        if self.is_ready(name):
            return AdapterStatus(self.name, name, LoadState.READY)
        kept = self.remembered(name)
        state = LoadState.WANTED if kept.state is LoadState.READY else kept.state
        return AdapterStatus(self.name, name, state, kept.failures, kept.reason)
