"""Verification, retry and escalation: the conform stage."""

from gateway.conformance.attempts import Attempts
from gateway.conformance.checks import TaskChecks
from gateway.conformance.conformer import EscalationTarget, LadderConformer
from gateway.conformance.promises import Promises

__all__ = ["Attempts", "EscalationTarget", "LadderConformer", "Promises", "TaskChecks"]
