"""How one adapter comes onto one engine and leaves it: every call, and what is noted after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from contracts.adapter import AdapterManifest
from gateway.adapters._engine_cache import EngineCache
from gateway.adapters._engine_calls import load, prove, unload
from gateway.adapters._loads import Load
from gateway.adapters._residency import Residency
from gateway.adapters.ports import AdapterEngine, AdapterPool
from gateway.adapters.probe import read_probe
from gateway.adapters.store import AdapterStore
from gateway.errors import AdapterRefusedError, GatewayError

_log = structlog.get_logger(__name__)


class AdapterMoves:
    """Loads and unloads; each is a task of its own that ends well, whatever the engine does.

    `done` is called after each, and `changes` counts them. Calls end within `seconds`.
    """

    def __init__(
        self,
        engine: AdapterEngine,
        pool: AdapterPool,
        *,
        store: AdapterStore,
        residency: Residency,
        seconds: float,
        done: Callable[[], None],
    ) -> None:
        self.changes = 0
        self._engine = engine
        self._pool = pool
        self._store = store
        self._residency = residency
        self._seconds = seconds
        self._done = done
        self._cache = EngineCache(pool.settings.max_resident_adapters)

    def forget(self) -> None:
        """Note that the engine has started anew."""
        self._cache.forget()

    async def load(self, manifest: AdapterManifest, kept: Load) -> None:
        """Verify the files, have the engine read them and prove it by a generation."""
        try:
            await asyncio.to_thread(self._store.verify, manifest)
            probe = await asyncio.to_thread(read_probe, self._store.path(manifest))
            await self._bring(manifest, kept)
            await prove(self._engine, manifest.name, probe, timeout_seconds=self._seconds)
        except GatewayError as error:
            is_final = isinstance(error, AdapterRefusedError)
            if is_final and kept.is_loaded:
                await self._unload(manifest.name, kept)
            self._note_failure(manifest, kept, error.message, is_final=is_final)
        except Exception as error:  # noqa: BLE001 - supervised: a defect with one adapter stays with it
            _log.exception("adapter_load_defect", engine=self._engine.name, adapter=manifest.name)
            self._note_failure(manifest, kept, type(error).__name__, is_final=False)
        else:
            self._engine.ready_adapters |= {manifest.name}
            kept.succeed(self._residency.now())
            _log.info("adapter_ready", engine=self._engine.name, adapter=manifest.name)
            await self._pool.notify()
        finally:
            self._end(kept)

    async def _bring(self, manifest: AdapterManifest, kept: Load) -> None:
        """Have the engine load it, and push nothing out of its cache that is still loaded."""
        path = self._store.path(manifest)
        if kept.is_loaded:
            await load(self._engine, manifest, path, timeout_seconds=self._seconds)
            return
        for name in self._cache.stale(self._residency.loaded()):
            await self._touch(name)
        with self._cache.entering(len(self._residency.loaded())):
            await load(self._engine, manifest, path, timeout_seconds=self._seconds)
        kept.is_loaded = True

    async def _touch(self, name: str) -> None:
        try:
            await prove(self._engine, name, timeout_seconds=self._seconds)
        except GatewayError as error:
            _log.debug("adapter_touch_failed", engine=self._engine.name, adapter=name, reason=error.message)
        self._residency.remembered(name).touched_at = self._residency.now()

    def _note_failure(self, manifest: AdapterManifest, kept: Load, reason: str, *, is_final: bool) -> None:
        kept.fail(reason, self._residency.now(), is_final=is_final)
        _log.warning(
            "adapter_load_failed",
            engine=self._engine.name,
            adapter=manifest.name,
            reason=reason,
            failures=kept.failures,
            state=kept.state.value,
        )

    async def evict(self, name: str, kept: Load) -> None:
        """Unload an adapter when its last request is done; a request's own deadline bounds the wait."""
        try:
            await self._engine.uses.until_idle(name)
            await self._unload(name, kept)
        finally:
            self._end(kept)

    async def _unload(self, name: str, kept: Load) -> None:
        last_used = self._residency.last_used(name)
        try:
            await unload(self._engine, name)
            _log.info("adapter_unloaded", engine=self._engine.name, adapter=name)
        except GatewayError as error:
            _log.warning(
                "adapter_unload_failed", engine=self._engine.name, adapter=name, reason=error.message
            )
        except Exception:  # noqa: BLE001 - supervised: as with a load
            _log.exception("adapter_unload_defect", engine=self._engine.name, adapter=name)
        else:
            self._cache.leave(last_used)
            kept.lost()
            return
        kept.stuck(self._residency.now())

    def _end(self, kept: Load) -> None:
        kept.is_busy = False
        self.changes += 1
        self._done()
