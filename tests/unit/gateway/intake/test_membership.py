"""Whether a grammar admits a value, whatever the order of its keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.intake.grammar import grammar_of
from gateway.intake.membership import Membership

ORDERED = {
    "type": "object",
    "properties": {
        "a": {"type": "integer"},
        "b": {"type": "array", "items": {"type": "object", "properties": {"x": {}, "y": {}}}},
        "c": {"type": "string"},
    },
    "required": ["a", "c"],
    "additionalProperties": False,
}


def admits(schema: dict[str, Any], value: Any) -> bool:
    return Membership(grammar_of(schema)).admits(value, json.dumps(value, separators=(",", ":")))


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "c": ""},
        {"c": "x", "a": 1},
        {"c": "x", "b": [], "a": 1},
        {"c": "x", "b": [{"y": 1, "x": None}, {}, {"x": [{"z": 1}]}], "a": 1},
        {"c": 'é"\\\n', "a": -5},
    ],
)
def test_a_value_is_found_in_the_grammars_own_order(value: Any) -> None:
    assert admits(ORDERED, value)


@pytest.mark.parametrize("value", [{"a": 1}, {"c": "x", "a": "1"}, {"a": 1, "c": "x", "d": 1}, [], "a", 1])
def test_what_no_order_makes_valid_is_not_admitted(value: Any) -> None:
    assert not admits(ORDERED, value)


def test_an_order_that_excludes_what_is_left_is_taken_back() -> None:
    """Greedily, `a` would be written first, and then `b` could not follow."""
    schema = {
        "allOf": [{"properties": {"b": {"type": "integer"}}}, {"properties": {"a": {"type": "integer"}}}]
    }
    assert admits({**schema, "type": "object"}, {"a": 1, "b": 2})


def test_one_object_answers_about_many_values() -> None:
    membership = Membership(grammar_of({"type": "integer"}))
    found = [membership.admits(value, json.dumps(value)) for value in (1, "x", 2, None, 3)]
    assert found == [True, False, True, False, True]


def test_a_search_that_would_take_too_long_ends() -> None:
    names = [f"k{number}" for number in range(40)]
    schema = {"type": "object", "properties": {name: {"type": "integer"} for name in names}}
    value = dict.fromkeys(reversed(names), 1) | {"k0": "no integer"}
    assert not admits({**schema, "required": names, "additionalProperties": False}, value)
