"""What is remembered of one adapter on one engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FIRST_RETRY_SECONDS: Final = 0.5
LONGEST_RETRY_SECONDS: Final = 60.0
QUARANTINE_FAILURES: Final = 6
QUARANTINE_SECONDS: Final = 300.0
HOPELESS_FAILURES: Final = 2
"""Failures in a row after which a registration stops waiting."""


class LoadState(StrEnum):
    """Where one adapter stands on one engine."""

    WANTED = "wanted"
    LOADING = "loading"
    LOADED = "loaded"
    """On the engine since before this process, and not proven."""
    READY = "ready"
    LEAVING = "leaving"
    """Taken from the routing, to be unloaded when its last request is done."""
    FAILED = "failed"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class AdapterStatus:
    """One adapter on one engine, for operators; `reason` says why it is not ready."""

    engine: str
    adapter: str
    state: LoadState
    failures: int = 0
    reason: str | None = None


@dataclass(slots=True)
class Load:
    """The mutable record; `is_busy` while a call to the engine is under way.

    `has_place` counts against what the engine may hold: from the start of a load to the end of an unload.
    `is_loaded` says that the engine holds the weights; `since` when that was proven, `touched_at` when we
    last had it generate with them.
    """

    state: LoadState = LoadState.WANTED
    is_busy: bool = False
    has_place: bool = False
    is_loaded: bool = False
    since: float = 0.0
    touched_at: float = 0.0
    failures: int = 0
    retry_at: float = 0.0
    reason: str | None = None

    def begin(self) -> None:
        """Note that the engine is being asked to load."""
        self.state, self.is_busy, self.has_place = LoadState.LOADING, True, True

    def found(self, now: float) -> None:
        """Note that the engine lists it, though we never asked for it."""
        self.has_place, self.is_loaded, self.touched_at = True, True, now
        if self.state is LoadState.WANTED:
            self.state = LoadState.LOADED

    def forgive(self) -> None:
        """Forget its failures; what the engine holds, it holds."""
        self.failures, self.retry_at, self.reason = 0, 0.0, None
        if self.state in (LoadState.FAILED, LoadState.QUARANTINED):
            self.state = LoadState.LOADED if self.is_loaded else LoadState.WANTED

    def lost(self) -> None:
        """Note that the engine no longer has it."""
        self.has_place = self.is_loaded = False
        if self.state not in (LoadState.FAILED, LoadState.QUARANTINED):
            self.state = LoadState.WANTED

    def stuck(self, now: float) -> None:
        """Note that the engine would not let go of it; `since` has the next attempt wait."""
        self.state, self.since = LoadState.LOADED, now

    def leave(self) -> None:
        """Note that it is on its way out."""
        self.state, self.is_busy = LoadState.LEAVING, True

    def succeed(self, now: float) -> None:
        """Note a proof."""
        self.state, self.failures, self.reason = LoadState.READY, 0, None
        self.since = self.touched_at = now

    def fail(self, reason: str, now: float, *, is_final: bool = False) -> None:
        """Note a failure and when to try again: twice as long each time, then rarely."""
        self.failures += 1
        self.reason = reason
        self.has_place = self.is_loaded
        if is_final or self.failures >= QUARANTINE_FAILURES:
            self.state, self.retry_at = LoadState.QUARANTINED, now + QUARANTINE_SECONDS
        else:
            wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (self.failures - 1))
            self.state, self.retry_at = LoadState.FAILED, now + wait

    @property
    def is_hopeless(self) -> bool:
        """Whether a registration need not wait any longer."""
        return self.state is LoadState.QUARANTINED or self.failures >= HOPELESS_FAILURES
