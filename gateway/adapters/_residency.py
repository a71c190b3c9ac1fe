"""Which adapters hold a place on one engine, and which of them goes when another needs it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Final

from contracts.adapter import AdapterManifest
from gateway.adapters._loads import Load, LoadState
from gateway.adapters.ports import Uses

MIN_RESIDENT_SECONDS: Final = 1.0
"""An adapter that was just proven stays at least this long: two that take turns must not chase each other."""
IDLE_SECONDS: Final = 0.5
"""Without a request for this long an adapter is idle; a shorter gap is the pause between two requests."""
PATIENCE_SECONDS: Final = 2.0
"""After this wait for the coldest one to be idle, the next one goes, drained if it is in use."""


class Residency:
    """The records of one engine's adapters; never more than `capacity` of them have a place."""

    def __init__(self, capacity: int, uses: Uses, clock: Callable[[], float]) -> None:
        self.loads: dict[str, Load] = {}
        self._capacity = capacity
        self._uses = uses
        self.now = clock

    @property
    def free(self) -> int:
        """How many more adapters may be loaded."""
        return self._capacity - sum(kept.has_place for kept in self.loads.values())

    def counted(self, *states: LoadState) -> int:
        """How many are in some states while the engine is being asked."""
        return sum(kept.is_busy and kept.state in states for kept in self.loads.values())

    def remembered(self, name: str) -> Load:
        """What is remembered of an adapter; a blank where nothing is."""
        return self.loads.get(name, Load())

    def forgive(self, name: str) -> None:
        """Give an adapter that failed a first attempt again, unless the engine is being asked right now."""
        kept = self.loads.get(name)
        if kept is not None and not kept.is_busy:
            kept.forgive()

    def drop(self, wanted: Container[str]) -> None:
        """Forget what is neither wanted nor on the engine."""
        for name, kept in list(self.loads.items()):
            if name not in wanted and not kept.is_busy and not kept.has_place:
                del self.loads[name]
        self._uses.keep(self.loads)

    def due(
        self, wanted: Mapping[str, AdapterManifest], ready: Container[str], urgent: Mapping[str, float]
    ) -> list[AdapterManifest]:
        """What is to be loaded or proven now: the urgent ones first, the longest wait before the others."""
        now = self.now()
        due = [
            manifest for name, manifest in wanted.items() if name not in ready and self._may_try(name, now)
        ]
        return sorted(due, key=lambda manifest: urgent.get(manifest.name, float("inf")))

    def leaver(self, wanted: Container[str], urgent: Mapping[str, float], *, for_one: str) -> str | None:
        """The adapter that makes room for another one; None where none may go yet.

        Unwanted ones go first, then the coldest; a wanted one only for an urgent one. A hotter one does not
        go because the coldest was just used or loaded, unless the urgent one has waited long; then one in
        use is drained, and no second one meanwhile.
        """
        now = self.now()
        is_patient = now - urgent.get(for_one, now) < PATIENCE_SECONDS or self._is_draining()
        candidates = [
            name
            for name, kept in self.loads.items()
            if (kept.has_place and not kept.is_busy and name not in urgent)
            and (name not in wanted or for_one in urgent)
            and not (is_patient and self._uses.in_flight(name))
        ]
        candidates.sort(key=lambda name: self._coldness(name, wanted))
        if is_patient:
            candidates = [name for name in candidates[:1] if now - self._uses.last(name) >= IDLE_SECONDS]
        rested = (name for name in candidates if now - self.loads[name].since >= MIN_RESIDENT_SECONDS)
        return next(rested, None)

    def loaded(self) -> dict[str, float]:
        """The adapters whose weights are on the engine, with the time of their last use."""
        return {name: self.last_used(name) for name, kept in self.loads.items() if kept.is_loaded}

    def last_used(self, name: str) -> float:
        """When the engine last generated with an adapter."""
        return max(self._uses.last(name), self.remembered(name).touched_at)

    def _may_try(self, name: str, now: float) -> bool:
        kept = self.loads.get(name)
        return kept is None or (not kept.is_busy and now >= kept.retry_at)

    def _is_draining(self) -> bool:
        leaving = (name for name, kept in self.loads.items() if kept.state is LoadState.LEAVING)
        return any(self._uses.in_flight(name) for name in leaving)

    def _coldness(self, name: str, wanted: Container[str]) -> tuple[bool, bool, float, float]:
        is_used = self._uses.in_flight(name) > 0
        return name in wanted, is_used, self._uses.heat(name), self.last_used(name)
