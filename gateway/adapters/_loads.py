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
    READY = "ready"
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
    """The mutable record; `is_busy` while a call to the engine is under way."""

    state: LoadState = LoadState.WANTED
    is_busy: bool = False
    failures: int = 0
    retry_at: float = 0.0
    reason: str | None = None

    def begin(self) -> None:
        """Note that the engine is being asked."""
        self.state, self.is_busy = LoadState.LOADING, True

    def succeed(self) -> None:
        """Note a proof."""
        self.state, self.failures, self.reason = LoadState.READY, 0, None

    def fail(self, reason: str, now: float, *, is_final: bool = False) -> None:
        """Note a failure and when to try again: twice as long each time, then rarely."""
        self.failures += 1
        self.reason = reason
        if is_final or self.failures >= QUARANTINE_FAILURES:
            self.state, self.retry_at = LoadState.QUARANTINED, now + QUARANTINE_SECONDS
        else:
            wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (self.failures - 1))
            self.state, self.retry_at = LoadState.FAILED, now + wait

    @property
    def is_hopeless(self) -> bool:
        """Whether a registration need not wait any longer."""
        return self.state is LoadState.QUARANTINED or self.failures >= HOPELESS_FAILURES
