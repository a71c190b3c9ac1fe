"""The repair ladder: each rung proposes the next job from the last failure, or passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from contracts.outcome import Usage
from gateway.conformance.failure import INVALID, TRUNCATED, Failure
from gateway.records import AttemptKind, Job, JsonObject

_BRIEF = "Answer as briefly as the format allows."
_AGAIN = "That answer breaks the required format: {violations}. Answer again, in the required format only."


class Rung(Protocol):
    """One way to go on."""

    def propose(self, job: Job, failure: Failure, usage: Usage) -> Job | None:
        """Write the next job, or None where this rung has nothing to offer."""


@dataclass(frozen=True, slots=True)
class CompactRetry:
    """After truncation: once more, briefly, with a larger budget where the client has set none.

    `growth_ratio` multiplies the tokens that the truncated attempt was allowed.
    """

    growth_ratio: int = 2

    def propose(self, job: Job, failure: Failure, usage: Usage) -> Job | None:
        """Propose after a truncated first attempt."""
        if failure.code != TRUNCATED or job.kind is not AttemptKind.FIRST:
            return None
        allowed = job.max_tokens or usage.completion_tokens
        if job.prompt is not None and job.is_max_tokens_fixed:
            return None  # a raw prompt takes no note, so nothing would be different
        budget = allowed if job.is_max_tokens_fixed else allowed * self.growth_ratio
        return replace(
            job,
            kind=AttemptKind.COMPACT_RETRY,
            messages=_with_note(job.messages, _BRIEF),
            max_tokens=budget or None,
            stream=False,
        )


@dataclass(frozen=True, slots=True)
class Reask:
    """After an invalid answer: once more, with the violations. A raw prompt has no turn to put them in."""

    shown: int = 5

    def propose(self, job: Job, failure: Failure, usage: Usage) -> Job | None:  # noqa: ARG002  # the rung's shape
        """Propose after an invalid first attempt."""
        if failure.code != INVALID or job.kind is not AttemptKind.FIRST or job.prompt is not None:
            return None
        listed = "; ".join(f"{v.pointer or '/'}: {v.message}" for v in failure.violations[: self.shown])
        note = _AGAIN.format(violations=listed[:1000])
        turns: list[JsonObject] = [*job.messages, {"role": "assistant", "content": failure.text[:4000]}]
        return replace(
            job, kind=AttemptKind.REASK, messages=[*turns, {"role": "user", "content": note}], stream=False
        )


@dataclass(frozen=True, slots=True)
class Escalate:
    """Ask the escalation pool with the original prompt, unless the task forbids it."""

    pool: str
    model: str
    first: Job

    def propose(self, job: Job, failure: Failure, usage: Usage) -> Job | None:  # noqa: ARG002  # the rung's shape
        """Propose once, from any failed attempt on another pool."""
        task = self.first.route.task
        is_allowed = task is None or task.policy.may_escalate
        if not is_allowed or job.route.pool == self.pool:
            return None
        route = replace(self.first.route, pool=self.pool, model=self.model, adapter=None)
        return replace(self.first, kind=AttemptKind.ESCALATION, route=route, stream=False)


def _with_note(messages: Sequence[JsonObject], note: str) -> list[JsonObject]:
    """Add a sentence to the last turn, which is the one that small models heed."""
    if not messages:
        return []
    *before, last = messages
    content = last.get("content")
    if isinstance(content, str):
        return [*before, {**last, "content": f"{content}\n\n{note}"}]
    if isinstance(content, list):
        return [*before, {**last, "content": [*content, {"type": "text", "text": note}]}]
    return [*messages, {"role": "user", "content": note}]
