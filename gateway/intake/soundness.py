"""Soundness and coverage over labelled instances: what passes that should not, and what is refused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from pydantic import ValidationError

from contracts.canonical import canonical_json
from contracts.output import JsonSchemaOutput
from gateway.intake.membership import Membership
from gateway.intake.proof import verifier_of
from gateway.intake.rows import Row
from gateway.intake.verdict import Unsupported, Verdict, VerdictKind
from gateway.intake.vet import vet

_LISTED = 20
"""Rows that a summary names for each kind of finding."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One instance: its label, and what each of the three checks says of it.

    `validator` is the bare JSON Schema validator with formats, None where it cannot say.
    """

    is_valid: bool
    is_proven: bool
    validator: bool | None
    grammar: bool


@dataclass(frozen=True, slots=True)
class RowResult:
    """One schema's verdict and its instances; those of a refused schema are not judged.

    `unwritable` counts instances that JSON text cannot hold (an infinity).
    """

    id: str
    verdict: Verdict
    instances: tuple[Judged, ...] = ()
    unwritable: int = 0


def judge(row: Row) -> RowResult:
    """Vet a row's schema in this process and judge its instances."""
    try:
        contract = JsonSchemaOutput(kind="json_schema", json_schema=row.schema)
    except ValidationError:
        fault = Unsupported("", "", "a schema is an object or a boolean")
        return RowResult(row.id, Verdict(VerdictKind.REFUSED, "schema_invalid", (fault,)))
    verdict = vet(contract)
    if verdict.kind is VerdictKind.REFUSED or verdict.grammar is None:
        return RowResult(row.id, verdict)
    judges = _Judges(contract, verdict.grammar)
    labelled = [(True, value) for value in row.valid] + [(False, value) for value in row.invalid]
    judged = [judges.judge(value, is_valid=label) for label, value in labelled]
    written = tuple(one for one in judged if one is not None)
    return RowResult(row.id, verdict, written, len(judged) - len(written))


class _Judges:
    """The three checks of one contract."""

    def __init__(self, contract: JsonSchemaOutput, grammar: str) -> None:
        self._schema = contract.json_schema
        self._verify = verifier_of(contract)
        self._validator = jsonschema_rs.validator_for(self._schema, validate_formats=True, offline=True)
        self._membership = Membership(grammar)

    def judge(self, value: Any, *, is_valid: bool) -> Judged | None:
        try:
            text = canonical_json(value, self._schema)
        except (ValueError, RecursionError):
            return None
        return Judged(
            is_valid=is_valid,
            is_proven=not self._verify(text),
            validator=self._says(value),
            grammar=self._membership.admits(value, text),
        )

    def _says(self, value: Any) -> bool | None:
        try:
            return bool(self._validator.is_valid(value))
        except ValueError:
            return None


def summary(results: Sequence[RowResult]) -> dict[str, Any]:
    """Count. `ok` says that no instance that is labelled invalid passes intake and verification."""
    refused = [one.verdict for one in results if one.verdict.kind is VerdictKind.REFUSED]
    partly = [one.verdict for one in results if one.verdict.kind is VerdictKind.PARTLY]
    constrained = [one for one in results if one.verdict.kind is VerdictKind.CONSTRAINED]
    passed = _count(results, _has_passed)
    return {
        "ok": bool(results) and passed == 0,
        "schemas": len(results),
        "coverage": {str(kind): _share(results, kind) for kind in VerdictKind},
        "verdicts": dict(Counter(str(one.verdict.kind) for one in results)),
        "refusals": dict(Counter(verdict.code for verdict in refused).most_common()),
        "refused_keywords": _keywords(refused),
        "verified_keywords": _keywords(partly),
        "instances": {
            "valid": _count(results, lambda one: one.is_valid),
            "invalid": _count(results, lambda one: not one.is_valid),
            "unwritable": sum(one.unwritable for one in results),
        },
        "invalid_passed": passed,
        "invalid_passed_by_validator_too": _count(results, lambda one: _has_passed(one) and one.validator),
        "valid_rejected": {
            "by_validator": _count(results, lambda one: _is_rejected(one) and not one.validator),
            "by_strictness": _count(results, lambda one: _is_rejected(one) and one.validator),
        },
        "grammar_alone": {
            "invalid_admitted": _count(results, _is_admitted),
            "invalid_admitted_though_constrained": _count(constrained, _is_admitted),
            "valid_forbidden": _count(results, _is_forbidden),
        },
        "intake_ms": milliseconds([one.verdict.seconds for one in results]),
        "rows": {
            "invalid_passed": _named(results, _has_passed),
            "valid_rejected": _named(results, _is_rejected),
            "invalid_admitted_though_constrained": _named(constrained, _is_admitted),
            "valid_forbidden": _named(results, _is_forbidden),
        },
    }


def milliseconds(seconds: Iterable[float]) -> dict[str, float]:
    """Median, 99th percentile (nearest rank) and maximum, in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    ranks = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        name: round(1000 * ordered[math.ceil(share * len(ordered)) - 1], 3) for name, share in ranks.items()
    }


def _has_passed(one: Judged) -> bool:
    return not one.is_valid and one.is_proven


def _is_rejected(one: Judged) -> bool:
    return one.is_valid and not one.is_proven


def _is_admitted(one: Judged) -> bool:
    return not one.is_valid and one.grammar


def _is_forbidden(one: Judged) -> bool:
    # What is not proven either was never to be answered.
    return one.is_valid and one.is_proven and not one.grammar


def _count(results: Sequence[RowResult], holds: Callable[[Judged], bool | None]) -> int:
    return sum(1 for result in results for one in result.instances if holds(one))


def _named(results: Sequence[RowResult], holds: Callable[[Judged], bool]) -> list[str]:
    return [result.id for result in results if any(map(holds, result.instances))][:_LISTED]


def _share(results: Sequence[RowResult], kind: VerdictKind) -> float:
    found = sum(result.verdict.kind is kind for result in results)
    return round(found / len(results), 4) if results else 0.0


def _keywords(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many schemas name a keyword; one schema counts once for each."""
    named = Counter(keyword for verdict in verdicts for keyword in {u.keyword for u in verdict.unsupported})
    return {keyword or "(none)": count for keyword, count in named.most_common()}
