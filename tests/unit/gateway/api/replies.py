"""A reply to encode: its context, and readers for what comes out."""

from __future__ import annotations

from typing import Any

import orjson

from contracts.outcome import Attempt, Outcome, OutcomeKind, Usage
from contracts.route import Action, RouteDecision
from gateway.api.wire import ReplyContext
from gateway.records import Passage, ReplyHead, ReplySummary
from tests.unit.gateway.fakes import make_chat, make_route

DECISION = RouteDecision(Action.ANSWER, "invoice", 0.87654, "task:invoice", "v1")
FIRST = Attempt("first", "small", "invoice@abc", Usage(10, 20), 0.25, 0.1, "invalid")
SECOND = Attempt("escalation", "large", "large-model", Usage(30, 40, 5), 0.5, 0.1)
SUMMARY = ReplySummary(Outcome(OutcomeKind.ESCALATED, (FIRST, SECOND)))
PLAIN = ReplySummary(Outcome(OutcomeKind.VALID, (FIRST,)))


def context(
    *,
    citations: tuple[Passage, ...] = (),
    degraded: str | None = None,
    attempts: tuple[Attempt, ...] = (),
    **chat: Any,
) -> ReplyContext:
    route = make_route(decision=DECISION, adapter="invoice@abc", degraded=degraded)
    head = ReplyHead(make_chat(**chat), route, citations, lambda: attempts)
    return ReplyContext("req-1", 1_700_000_000, head)


def events(data: bytes) -> list[tuple[str | None, Any]]:
    """The events of a stream by name and JSON; the terminal `[DONE]` as text."""
    found: list[tuple[str | None, Any]] = []
    for block in data.split(b"\n\n"):
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if line)
        if fields:
            name = fields[b"event"].decode() if b"event" in fields else None
            text = fields[b"data"]
            found.append((name, "[DONE]" if text == b"[DONE]" else orjson.loads(text)))
    assert data == b"" or data.endswith(b"\n\n")
    return found


def values(data: bytes) -> list[Any]:
    return [value for _, value in events(data)]
