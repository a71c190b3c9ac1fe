"""The adapters that ship with the tasks: registered once, where nobody has chosen otherwise."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import structlog

from gateway.adapters._pools import loading_pools, pool_of
from gateway.adapters.parts import AdapterParts
from gateway.adapters.ports import AdapterPool
from gateway.adapters.registry import AdapterRegistry
from gateway.errors import GatewayError

_log = structlog.get_logger(__name__)

ACTOR: Final = "bundled"
REASON: Final = "it is bundled with the tasks of this installation"
_ENGINE_POLL_SECONDS: Final = 0.5


class BundledAdapters:
    """Registers `folder/<task>/` for each task whose stable channel was never pointed.

    One without a passing report is promoted all the same, for a reason that the audit trail shows.
    """

    def __init__(self, parts: AdapterParts, registry: AdapterRegistry) -> None:
        self._parts = parts
        self._registry = registry

    async def register(self, folder: Path) -> None:
        """Waits for an engine; one that fails is logged, holds up no other and never ends the gateway."""
        try:
            names = await asyncio.to_thread(_adapter_folders, folder)
        except OSError as error:
            _log.error("bundled_adapters_unreadable", error=error.strerror)
            return
        for task in names:
            try:
                await self._register(folder / task, task)
            except GatewayError as error:
                _log.error("bundled_adapter_failed", task=task, error=error.message)
            except Exception:  # noqa: BLE001 - supervised: a defect with one adapter stays with it
                _log.exception("bundled_adapter_defect", task=task)

    async def _register(self, folder: Path, task: str) -> None:
        served = self._parts.catalog.get(task)
        if served is None or await self._parts.channels.stable(task) is not None:
            return
        await _engine_is_up(pool_of(served.base_model, loading_pools(self._parts.pools.values())))
        await self._registry.register(folder, task, override=REASON, actor=ACTOR)


async def _engine_is_up(pool: AdapterPool) -> None:
    while not any(engine.is_healthy for engine in pool.engines):  # noqa: ASYNC110 - pools tell no health
        await asyncio.sleep(_ENGINE_POLL_SECONDS)


def _adapter_folders(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.name for path in folder.iterdir() if (path / "adapter_config.json").is_file()))
