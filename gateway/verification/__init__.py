"""What is proven of an answer beyond its contract: rules, grounding, a second model."""

from gateway.verification.grounding import SourceIndex, load_languages, ungrounded
from gateway.verification.rules import CompiledRules, RuleError, compile_rules
from gateway.verification.verifier import verdict_of, verifier_job

__all__ = [
    "CompiledRules",
    "RuleError",
    "SourceIndex",
    "compile_rules",
    "load_languages",
    "ungrounded",
    "verdict_of",
    "verifier_job",
]
