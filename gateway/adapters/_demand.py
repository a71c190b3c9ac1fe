"""Which engine loads an adapter that requests wait for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol


class Taker(Protocol):
    """What is asked of one engine's adapters."""

    name: str

    def is_ready(self, adapter: str) -> bool:
        """Whether the engine has proven it."""

    def can_take(self, adapter: str) -> bool:
        """Whether the engine answers and may try it now."""

    def burden(self, adapter: str) -> tuple[bool, bool, int]:
        """How unfit it is to take it, to be compared."""


class Demand:
    """Gives each adapter that is waited for one engine, and keeps to it while that engine can take it.

    Held ones are urgent on every engine. Remembered is only what is asked for at the moment.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}
        self._takers: dict[str, str] = {}

    def divide(
        self, engines: Sequence[Taker], *, held: Collection[str], waiting: Collection[str]
    ) -> dict[str, dict[str, float]]:
        """For each engine the adapters that it is to load before all others, and since when they are."""
        now = self._clock()
        asked = {*held, *waiting}
        self._since = {name: self._since.get(name, now) for name in sorted(asked, key=self._order)}
        self._takers = {name: taker for name, taker in self._takers.items() if name in waiting}
        urgent = {engine.name: {name: self._since[name] for name in held} for engine in engines}
        for name in self._since:
            if name in waiting and not any(engine.is_ready(name) for engine in engines):
                taker = self._taker(name, engines, urgent)
                if taker is not None:
                    self._takers[name] = taker.name
                    urgent[taker.name][name] = self._since[name]
        return urgent

    def _order(self, name: str) -> tuple[float, str]:
        return self._since.get(name, float("inf")), name

    def _taker(
        self, adapter: str, engines: Sequence[Taker], urgent: dict[str, dict[str, float]]
    ) -> Taker | None:
        able = [engine for engine in engines if engine.can_take(adapter)]
        kept = next((engine for engine in able if engine.name == self._takers.get(adapter)), None)
        if kept is not None:
            return kept
        return min(able, key=lambda e: (e.burden(adapter), len(urgent[e.name])), default=None)
