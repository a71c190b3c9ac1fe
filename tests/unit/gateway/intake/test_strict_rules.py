"""OpenAI's strict mode, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.intake.strict_rules import strict_faults
from gateway.intake.verdict import VerdictKind
from gateway.intake.vet import vet
from tests.unit.gateway.fakes import schema_output

LEAF = {"type": "string"}


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def test_a_schema_of_strict_mode_passes() -> None:
    schema = closed(
        name=LEAF,
        count={"type": ["integer", "null"]},
        items={"type": "array", "items": closed(kind={"enum": ["a", "b"]})},
        other={"anyOf": [closed(x=LEAF), {"$ref": "#/$defs/y"}]},
    )
    schema["$defs"] = {"y": closed(y={"$ref": "#"})}
    assert strict_faults(schema) == []


@pytest.mark.parametrize(
    ("schema", "pointers"),
    [
        ({"type": "array", "items": LEAF}, ["/type"]),
        ({"anyOf": [closed(a=LEAF)]}, ["/anyOf"]),
        ({"type": "object", "properties": {"a": LEAF}, "required": ["a"]}, ["/additionalProperties"]),
        ({"type": "object", "properties": {"a": LEAF}, "additionalProperties": False}, ["/required"]),
        (closed(a={"allOf": [LEAF]}), ["/properties/a/allOf"]),
        (closed(a={"not": LEAF}), ["/properties/a/not"]),
        (closed(a={"type": "object"}), ["/properties/a/additionalProperties"]),
        (closed(a={"enum": [f"{n:060}" for n in range(300)]}), ["/properties/a/enum"]),
    ],
    ids=lambda case: str(case)[:70],
)
def test_a_fault_is_named_by_its_path(schema: dict[str, Any], pointers: list[str]) -> None:
    assert [fault.pointer for fault in strict_faults(schema)] == pointers


def test_sizes_are_bounded() -> None:
    wide = closed(**{f"p{number}": LEAF for number in range(5001)})
    assert [fault.keyword for fault in strict_faults(wide)] == ["properties"]
    deep: dict[str, Any] = closed(a=LEAF)
    for _ in range(10):
        deep = closed(a=deep)
    assert "levels of nesting" in strict_faults(deep)[0].reason


def test_strict_is_checked_where_it_is_asked_for() -> None:
    loose = {"type": "object", "properties": {"a": LEAF}}
    assert vet(schema_output(loose)).kind is VerdictKind.CONSTRAINED
    verdict = vet(schema_output(loose, strict=True))
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, "schema_not_strict")
    assert verdict.unsupported[0].pointer == "/additionalProperties"
    assert "and 1 more" in verdict.sentence()
