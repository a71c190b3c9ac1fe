"""How a request ended, with every attempt and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OutcomeKind(StrEnum):
    """The ways out of the gateway."""

    VALID = "valid"
    REPAIRED = "repaired"
    ESCALATED = "escalated"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one attempt, or of several added up."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Add field by field."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One generation on one pool with one adapter version.

    `kind` names the rung: `first`, `compact_retry`, `reask` or `escalation`; `verifier` is a question to a
    second model. `failure` is the check that failed, or an error's code, or None.
    """

    kind: str
    pool: str
    model: str
    usage: Usage
    cost_usd: float
    seconds: float
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one request."""

    kind: OutcomeKind
    attempts: tuple[Attempt, ...] = ()
    error_code: str | None = None

    @property
    def usage(self) -> Usage:
        """Tokens over all attempts."""
        return sum((attempt.usage for attempt in self.attempts), Usage())

    @property
    def cost_usd(self) -> float:
        """Money spent on all attempts."""
        return sum(attempt.cost_usd for attempt in self.attempts)
