"""Canonical JSON: one written form for training targets, grammars and evaluation."""

from __future__ import annotations

import math
from typing import Any

import pytest

from contracts.canonical import JsonForm, canonical_json, content_hash, stable_bytes

INVOICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "invoice_id": {"type": "string"},
        "vendor": {"$ref": "#/$defs/party"},
        "lines": {"type": "array", "items": {"properties": {"sku": {}, "qty": {}}}},
    },
    "$defs": {"party": {"properties": {"name": {}, "country": {}}}},
}


def test_keys_follow_the_schema_and_not_the_value() -> None:
    value = {"lines": [], "vendor": {}, "invoice_id": "A-1"}
    assert canonical_json(value, INVOICE) == '{"invoice_id":"A-1","vendor":{},"lines":[]}'


def test_keys_that_the_schema_does_not_know_come_last_as_given() -> None:
    value = {"z": 1, "lines": [], "a": 2, "invoice_id": "A-1"}
    assert canonical_json(value, INVOICE) == '{"invoice_id":"A-1","lines":[],"z":1,"a":2}'


def test_objects_within_arrays_are_ordered_too() -> None:
    value = {"lines": [{"qty": 1, "sku": "x"}, {"sku": "y", "qty": 2}]}
    assert canonical_json(value, INVOICE) == '{"lines":[{"sku":"x","qty":1},{"sku":"y","qty":2}]}'


def test_a_reference_within_the_document_is_followed() -> None:
    value = {"vendor": {"country": "DE", "name": "Acme"}}
    assert canonical_json(value, INVOICE) == '{"vendor":{"name":"Acme","country":"DE"}}'


@pytest.mark.parametrize(
    ("reference", "key"),
    [("#/$defs/a~1b", "a/b"), ("#/$defs/a~0b", "a~b"), ("#/$defs/a%20b", "a b"), ("#/$defs/%C3%A4", "ä")],
)
def test_a_pointer_is_unescaped(reference: str, key: str) -> None:
    schema: dict[str, Any] = {"$ref": reference, "$defs": {key: {"properties": {"x": {}, "y": {}}}}}
    assert canonical_json({"y": 1, "x": 2}, schema) == '{"x":2,"y":1}'


def test_a_pointer_may_lead_through_an_array() -> None:
    schema: dict[str, Any] = {"$ref": "#/anyOf/1", "anyOf": [{}, {"properties": {"x": {}, "y": {}}}]}
    assert canonical_json({"y": 1, "x": 2}, schema) == '{"x":2,"y":1}'


@pytest.mark.parametrize(
    "reference", ["#", "#/$defs/loop", "#/$defs/none", "#/anyOf/9", "#/anyOf/x", "#anchor", "other.json"]
)
def test_a_reference_that_leads_nowhere_leaves_the_order_as_given(reference: str) -> None:
    schema: dict[str, Any] = {"$ref": reference, "$defs": {"loop": {"$ref": "#/$defs/loop"}}, "anyOf": [{}]}
    assert canonical_json({"y": 1, "x": 2}, schema) == '{"y":1,"x":2}'


def test_a_recursive_schema_orders_every_level() -> None:
    schema: dict[str, Any] = {"properties": {"id": {}, "child": {"$ref": "#"}}}
    value = {"child": {"child": {"id": 3}, "id": 2}, "id": 1}
    assert canonical_json(value, schema) == '{"id":1,"child":{"id":2,"child":{"id":3}}}'


@pytest.mark.parametrize(
    ("form", "written"),
    [(JsonForm.COMPACT, '{"a":[1,2],"b":null}'), (JsonForm.SPACED, '{"a": [1, 2], "b": null}')],
)
def test_the_form_sets_the_separators(form: JsonForm, written: str) -> None:
    assert canonical_json({"a": [1, 2], "b": None}, form=form) == written


def test_letters_are_written_as_they_are() -> None:
    assert canonical_json({"straße": "日本 🧾"}) == '{"straße":"日本 🧾"}'


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_hold_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"total": number})


def test_a_hash_tells_the_parts_apart() -> None:
    assert content_hash(b"ab", b"c") != content_hash(b"a", b"bc")
    assert content_hash(b"") != content_hash()


def test_stable_bytes_depend_on_the_value_alone() -> None:
    assert stable_bytes({"b": 1, "a": "ä"}) == stable_bytes({"a": "ä", "b": 1}) == '{"a":"ä","b":1}'.encode()
