"""Verification, retry and escalation: the conform stage."""

from gateway.conformance.compiled import ContractCompiler, compile_contract
from gateway.conformance.conformer import EscalationTarget, LadderConformer

__all__ = ["ContractCompiler", "EscalationTarget", "LadderConformer", "compile_contract"]
