"""Lenient comparison: what counts as the same value, and which side an error counts on."""

from __future__ import annotations

import pytest

from training.evaluate.matching import Matched, match_fields, normal_text


@pytest.mark.parametrize(
    ("gold", "got", "expected"),
    [
        ("ACME Sdn. Bhd.", "acme sdn bhd", Matched(1, 0, 0)),
        ("12/03/2026", "12-03-2026", Matched(1, 0, 0)),
        ("9.00", "9.50", Matched(0, 1, 1)),
        ("x", None, Matched(0, 0, 1)),
        (None, "x", Matched(0, 1, 0)),
        (None, None, Matched()),
        ("", "  ", Matched()),
        (None, [], Matched()),
        (1248.5, 1248.50, Matched(1, 0, 0)),
        (100, 1e2, Matched(1, 0, 0)),
        (-5, 5, Matched(0, 1, 1)),
        (5, "5", Matched(0, 1, 1)),
        (True, 1, Matched(0, 1, 1)),
        ("—", "-", Matched(0, 1, 1)),
        ("ﬁne Ünit", "FINE ünit", Matched(1, 0, 0)),
    ],
)
def test_a_value_is_matched_missed_or_made_up(gold: object, got: object, expected: Matched) -> None:
    assert match_fields({"a": gold}, {"a": got}) == {"a": expected}


def test_the_items_of_an_array_are_compared_without_their_order() -> None:
    gold = {"lines": [{"name": "Nail", "cost": 1.0}, {"name": "Saw", "cost": 2}, {"name": "Saw", "cost": 2}]}
    got = {"lines": [{"name": "saw", "cost": 2.0}, {"cost": 1, "name": "nail"}, {"name": "Axe", "cost": 9}]}
    assert match_fields(gold, got) == {"lines": Matched(2, 1, 1)}


def test_an_object_adds_up_its_fields() -> None:
    gold, got = {"to": {"city": "Bonn", "zip": None}}, {"to": {"city": "bonn", "zip": "5"}}
    assert match_fields(gold, got) == {"to": Matched(1, 1, 0)}


def test_a_field_that_the_gold_does_not_have_is_made_up() -> None:
    assert match_fields({"a": "x"}, {"a": "x", "b": "y"}) == {"a": Matched(1, 0, 0), "b": Matched(0, 1, 0)}


def test_a_missing_object_misses_each_of_its_values() -> None:
    assert match_fields({"to": {"city": "Bonn", "zip": "5"}}, {}) == {"to": Matched(0, 0, 2)}


def test_a_text_of_punctuation_alone_is_itself() -> None:
    assert normal_text(" -- ") == "--"
