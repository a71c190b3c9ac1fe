"""How much each adapter of one engine is used: counted on the way of a request, without a lock or a wait."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Final

HALF_LIFE_SECONDS: Final = 60.0
"""A use counts half after this long: a burst of once-used adapters is colder than one in steady use."""


@dataclass(slots=True)
class _Use:
    in_flight: int = 0
    heat: float = 0.0
    heat_at: float = 0.0
    last: float = 0.0
    idle: asyncio.Event | None = None


class AdapterUses:
    """Holds a record for each adapter in use, until `keep` drops those that left the engine."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._uses: dict[str, _Use] = {}

    def begin(self, adapter: str) -> None:
        """Note that a request with this adapter goes to the engine."""
        use = self._uses.get(adapter)
        if use is None:
            use = self._uses[adapter] = _Use()
        now = self._clock()
        use.heat = _cooled(use, now) + 1.0
        use.heat_at = use.last = now
        use.in_flight += 1

    def end(self, adapter: str) -> None:
        """Note that it is done."""
        use = self._uses[adapter]
        use.in_flight -= 1
        use.last = self._clock()
        if not use.in_flight and use.idle is not None:
            use.idle.set()

    async def until_idle(self, adapter: str) -> None:
        """Wait until no request with this adapter is on the engine."""
        use = self._uses.get(adapter)
        if use is not None and use.in_flight:
            use.idle = asyncio.Event()
            await use.idle.wait()
            use.idle = None

    def in_flight(self, adapter: str) -> int:
        """The requests with this adapter that are on the engine now."""
        use = self._uses.get(adapter)
        return 0 if use is None else use.in_flight

    def last(self, adapter: str) -> float:
        """When a request with it last began or ended; now while one is in flight, 0 where none is known."""
        use = self._uses.get(adapter)
        if use is None:
            return 0.0
        return self._clock() if use.in_flight else use.last

    def heat(self, adapter: str) -> float:
        """The number of its uses, each weighing less the longer ago it was."""
        use = self._uses.get(adapter)
        return 0.0 if use is None else _cooled(use, self._clock())

    def keep(self, adapters: Container[str]) -> None:
        """Drop the records of all other adapters, but for those in flight."""
        gone = [name for name, use in self._uses.items() if name not in adapters and not use.in_flight]
        for name in gone:
            del self._uses[name]


def _cooled(use: _Use, now: float) -> float:
    return use.heat * math.exp2((use.heat_at - now) / HALF_LIFE_SECONDS)
