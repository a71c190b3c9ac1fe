"""Counts over labelled instances: what passes, what is refused, and which check says so."""

from __future__ import annotations

from typing import Any

from gateway.intake.rows import Row
from gateway.intake.soundness import RowResult, judge, milliseconds, summary
from gateway.intake.verdict import VerdictKind


def row(schema: Any, valid: tuple[Any, ...] = (), invalid: tuple[Any, ...] = ()) -> Row:
    return Row("row", schema, valid, invalid)


def test_each_check_is_asked_about_each_instance() -> None:
    schema = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
    result = judge(row(schema, ([1, 2],), ([1, 1], ["a"])))
    assert [(one.is_valid, one.is_proven, one.validator, one.grammar) for one in result.instances] == [
        (True, True, True, True),
        (False, False, False, True),
        (False, False, False, False),
    ]


def test_a_refused_schema_is_counted_by_code_and_keyword() -> None:
    results = [judge(row({"properties": {"a": {"$ref": "file:///etc/hosts"}}}, (1,), (2,))), judge(row(True))]
    figures = summary(results)
    assert figures["verdicts"] == {"refused": 1, "constrained": 1}
    assert figures["coverage"] == {"constrained": 0.5, "partly": 0.0, "refused": 0.5}
    assert figures["refused_keywords"] == {"$ref": 1}
    assert figures["instances"] == {"valid": 0, "invalid": 0, "unwritable": 0}


def test_what_is_no_schema_is_refused() -> None:
    result = judge(row([1]))
    assert (result.verdict.kind, result.verdict.code) == (VerdictKind.REFUSED, "schema_invalid")


def test_an_invalid_instance_that_passes_is_not_ok() -> None:
    figures = summary([judge(row({"type": "integer"}, invalid=(4,)))])
    assert not figures["ok"]
    assert figures["invalid_passed"] == figures["invalid_passed_by_validator_too"] == 1
    assert figures["rows"]["invalid_passed"] == ["row"]


def test_valid_instances_that_are_rejected_are_told_apart() -> None:
    deep: list[Any] = []  # deeper than a proof reads; the validator alone takes it
    for _ in range(210):
        deep = [deep]
    figures = summary([judge(row({"type": "array"}, (4, deep)))])
    assert figures["valid_rejected"] == {"by_validator": 1, "by_strictness": 1}
    assert figures["ok"]


def test_an_instance_that_json_cannot_hold_is_left_out() -> None:
    assert judge(row({}, (float("inf"), 1))).unwritable == 1


def test_no_rows_are_no_pass() -> None:
    results: list[RowResult] = []
    assert summary(results)["ok"] is False


def test_percentiles_are_nearest_ranks() -> None:
    assert milliseconds(number / 1000 for number in range(1, 201)) == {
        "p50": 100.0,
        "p99": 198.0,
        "max": 200.0,
    }
    assert milliseconds([0.001]) == {"p50": 1.0, "p99": 1.0, "max": 1.0}
    assert milliseconds([]) == {}
