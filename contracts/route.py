"""The router's output."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What is done with a request first."""

    ANSWER = "answer"
    RETRIEVE = "retrieve"
    TOOL = "tool"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """One decision of the router or of the request itself.

    `probability` is calibrated and lies in [0, 1]; it is 1.0 where the request named its model.
    `task` is None when no task fits. `abstained` says that no class reached its threshold and that
    `action` is the configured action for that case. `router_version` is "" where no router was asked.
    """

    action: Action
    task: str | None
    probability: float
    reason: str
    router_version: str = ""
    abstained: bool = False
