"""What can be known of an engine's own cache of adapter weights, so that it drops nothing that is in use."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class EngineCache:
    """Follows vLLM's cache (0.25 to 0.32), whose order is that of use and whose bound is `--max-cpu-loras`.

    Unloading an adapter takes its name away and leaves its weights in the cache until newer ones push them
    out. So a load may push out an adapter that is loaded and was used longer ago than one that has left; the
    engine would read its files again at its next request. `places` is taken for the engine's bound; where
    that is larger, some touches are superfluous. Times are those of last uses.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._left: list[float] = []
        self._entering = 0

    def leave(self, last_used: float) -> None:
        """Note that an adapter was unloaded."""
        insort(self._left, last_used)
        del self._left[: -self._places]

    def forget(self) -> None:
        """Note that the engine has started anew."""
        self._left.clear()

    def stale(self, loaded: Mapping[str, float]) -> tuple[str, ...]:
        """The loaded adapters that the next load would push out before any that left; touch them first."""
        if not self._is_full(len(loaded)):
            return ()
        return tuple(name for name, last_used in loaded.items() if last_used < self._left[0])

    @contextmanager
    def entering(self, loaded: int) -> Iterator[None]:
        """Note that an adapter enters beside so many loaded ones; a failure inside pushes nothing out."""
        pushed = self._left.pop(0) if self._is_full(loaded) else None
        self._entering += 1
        try:
            yield
        except BaseException:
            if pushed is not None:
                self.leave(pushed)
            raise
        finally:
            self._entering -= 1

    def _is_full(self, loaded: int) -> bool:
        return bool(self._left) and loaded + len(self._left) + self._entering >= self._places
