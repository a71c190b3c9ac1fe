"""What the three wire formats share: the shape of an encoder, and the `firstline` object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from contracts.outcome import Outcome, OutcomeKind, Usage
from gateway.errors import GatewayError
from gateway.records import Delta, ReplyHead, ReplySummary


class Wire(Protocol):
    """Writes one reply. For a stream: `start`, `delta`s, then `finish` or `error`; else `collected`."""

    def start(self) -> bytes:
        """What precedes the first delta."""

    def delta(self, delta: Delta) -> bytes:
        """One delta; may be held back."""

    def finish(self, summary: ReplySummary) -> bytes:
        """What closes a stream that succeeded."""

    def error(self, error: GatewayError) -> bytes:
        """The terminal event of a stream that failed; nothing follows it."""

    def collected(self, deltas: Sequence[Delta], summary: ReplySummary) -> bytes:
        """A whole body."""


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """What an encoder knows of its request. `created` is Unix seconds."""

    request_id: str
    created: int
    head: ReplyHead

    @property
    def model(self) -> str:
        """The name of what generates."""
        route = self.head.route
        return route.adapter or route.model


def sse(value: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    prefix = f"event: {event}\n".encode() if event else b""
    return prefix + b"data: " + orjson.dumps(value) + b"\n\n"


def model_of(context: ReplyContext, outcome: Outcome) -> str:
    """The name of what gave the answer: that of the last attempt."""
    return outcome.attempts[-1].model if outcome.attempts else context.model


def firstline_object(context: ReplyContext, outcome: Outcome) -> dict[str, Any]:
    """What the headers say, and what does not fit a header."""
    head, decision = context.head, context.head.route.decision
    described: dict[str, Any] = {
        "request_id": context.request_id,
        "action": str(decision.action),
        "task": decision.task,
        "model": model_of(context, outcome),
        "confidence": round(decision.probability, 4),
        "reason": decision.reason,
        "outcome": str(outcome.kind),
        "attempts": len(outcome.attempts),
        "cost_usd": round(outcome.cost_usd, 9),
    }
    if head.route.degraded:
        described["degraded"] = head.route.degraded
    if head.chat.ignored:
        described["ignored"] = list(head.chat.ignored)
    if head.citations:
        described["citations"] = [
            {
                "number": number,
                "document": passage.document,
                "title": passage.title,
                "start": passage.start,
                "end": passage.end,
                "text": passage.text,
                "score": round(passage.score, 4),
            }
            for number, passage in enumerate(head.citations, start=1)
        ]
    return described


def head_headers(context: ReplyContext) -> dict[str, str]:
    """Headers that are known before the first byte."""
    route = context.head.route
    headers = {
        "x-firstline-action": str(route.decision.action),
        "x-firstline-model": context.model,
        "x-firstline-confidence": f"{route.decision.probability:.4f}",
    }
    if route.task is not None:
        headers["x-firstline-task"] = route.task.name
    if route.degraded:
        headers["x-firstline-degraded"] = route.degraded
    return headers


def summary_headers(context: ReplyContext, outcome: Outcome) -> dict[str, str]:
    """Headers that are known at the end: only a reply that is not streamed has them."""
    return {
        **head_headers(context),
        "x-firstline-model": model_of(context, outcome),
        "x-firstline-outcome": str(outcome.kind),
        "x-firstline-attempts": str(len(outcome.attempts)),
        "x-firstline-cost-usd": f"{outcome.cost_usd:.9f}",
    }


def failure_headers(context: ReplyContext) -> dict[str, str]:
    """Headers of a request that failed after it was routed."""
    return summary_headers(context, Outcome(OutcomeKind.FAILED, context.head.attempts()))


def usage_object(usage: Usage) -> dict[str, Any]:
    """OpenAI's `usage` of chat and completions."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
