"""What one engine says that it has, compared with what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.adapters._engine_calls import LIST_TIMEOUT_SECONDS, listed_models
from gateway.adapters._loads import Load
from gateway.adapters._moves import AdapterMoves
from gateway.adapters._residency import Residency
from gateway.adapters.ports import AdapterEngine
from gateway.adapters.store import ADAPTER_NAME
from gateway.errors import GatewayError
from gateway.settings import AdapterSettings

_log = structlog.get_logger(__name__)


class EngineCheck:
    """Asks first when the engine comes up, then at each interval while it has adapters.

    It may hold what an earlier process or another gateway loaded, which takes places too, and one that
    restarts between two health checks looks well. `is_done` once it was asked; `wake` is called after each.
    """

    def __init__(
        self,
        engine: AdapterEngine,
        residency: Residency,
        *,
        moves: AdapterMoves,
        settings: AdapterSettings,
        wake: Callable[[], None],
    ) -> None:
        self.is_done = False
        self._engine = engine
        self._residency = residency
        self._moves = moves
        self._settings = settings
        self._wake = wake
        self._due_at = 0.0

    def forget(self) -> None:
        """Note that the engine has started anew."""
        self.is_done = False
        self._due_at = 0.0

    def start_due(self, group: asyncio.TaskGroup) -> None:
        """Start a check if it is time."""
        now = self._residency.now()
        is_needed = not self.is_done or bool(self._residency.loaded())
        if self._engine.is_healthy and is_needed and now >= self._due_at:
            self._due_at = now + LIST_TIMEOUT_SECONDS
            group.create_task(self._check())

    async def _check(self) -> None:
        changes = self._moves.changes
        try:
            listed = (await listed_models(self._engine)).keys()
        except GatewayError as error:
            _log.debug("adapter_check_failed", engine=self._engine.name, reason=error.message)
        except Exception:  # noqa: BLE001 - supervised: as with a load
            _log.exception("adapter_check_defect", engine=self._engine.name)
        else:
            # A list from before a load or an unload would tell of what is no more.
            if changes == self._moves.changes:
                self._note({name for name in listed if ADAPTER_NAME.fullmatch(name)})
        finally:
            self.is_done = True
            self._due_at = self._residency.now() + self._settings.reconcile_interval_seconds
            self._wake()

    def _note(self, listed: set[str]) -> None:
        loads = self._residency.loads
        lost = {name for name in self._residency.loaded().keys() - listed if not loads[name].is_busy}
        for name in lost:
            loads[name].lost()
        for name in listed:
            kept = loads.setdefault(name, Load())
            if not kept.has_place and not kept.is_busy:
                kept.found(self._residency.now())
        if lost:
            _log.warning("adapters_lost", engine=self._engine.name, adapters=sorted(lost))
            self._engine.ready_adapters -= lost
        if not self._residency.loaded():
            self._moves.forget()
