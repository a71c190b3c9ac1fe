"""A contract that intake has taken: what is sent to the engine, and what proves its answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from contracts.output import JsonSchemaOutput, OutputContract
from gateway.intake.grammar import edited
from gateway.intake.verdict import Verdict, VerdictKind
from gateway.intake.violation import Violation

Prove = Callable[[str], Awaitable[tuple[Violation, ...]]]


@dataclass(frozen=True, slots=True)
class Compiled:
    """`prove` awaits because a costly proof is made in a worker; no violations are a proof.

    `forced` is the contract as far as a grammar can force it, `key` its content hash, `size_bytes` its length
    as JSON.
    """

    contract: OutputContract
    forced: OutputContract
    verdict: Verdict
    key: str
    size_bytes: int
    prove: Prove

    @property
    def is_wholly_forced(self) -> bool:
        """Whether the grammar forces all of the contract."""
        return self.verdict.kind is VerdictKind.CONSTRAINED


def forced_of(contract: OutputContract, verdict: Verdict) -> OutputContract:
    """The part of a contract that the verdict says a grammar can force."""
    if not verdict.is_lenient or not isinstance(contract, JsonSchemaOutput):
        return contract
    if isinstance(contract.json_schema, bool):
        return contract
    return contract.model_copy(update={"json_schema": edited(contract.json_schema, verdict.edits)})
