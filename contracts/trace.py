"""The record that every request leaves, without its texts."""

from __future__ import annotations

from dataclasses import dataclass, field

from contracts.outcome import Outcome
from contracts.route import RouteDecision


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One request, closed. Texts are not part of it; captures are another record.

    `schema` is the hash of the task's own output contract, `request` for one that the request brought.
    `inter_token_seconds` holds the first gaps between deltas, a bounded number of them.
    """

    request_id: str
    endpoint: str
    tenant: str
    task: str
    version: str
    decision: RouteDecision | None
    outcome: Outcome
    seconds: float
    time_to_first_token_seconds: float | None
    is_structured: bool
    schema: str = ""
    passages: int = 0
    degraded: str | None = None
    inter_token_seconds: tuple[float, ...] = field(default=())
