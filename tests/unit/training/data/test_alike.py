"""When rows with alike texts are the same, different examples, or in conflict."""

from __future__ import annotations

from typing import Any

import pytest

from training.data.pipeline.alike import Relation, relation, stands_in
from training.data.pipeline.rows import Row


def _row(text: str, output: Any, rejected_output: Any = None) -> Row:
    return Row(id="-", text=text, output=output, rejected_output=rejected_output)


def _invoice(number: str, total: str, output_total: float | None = None) -> Row:
    text = f"Invoice {number} of Harbour Tools. Subtotal, taxes and freight included. Total EUR {total}"
    value = float(total.replace(",", "")) if output_total is None else output_total
    return _row(text, {"number": number, "total": value, "vendor": "Harbour Tools"})


def test_two_invoices_that_differ_in_their_amounts_are_different_examples() -> None:
    assert relation(_invoice("A-1", "1,200.00"), _invoice("A-1", "1,250.50")) is Relation.DIFFERENT


def test_an_amount_that_stands_in_neither_text_explains_nothing() -> None:
    first, second = _invoice("A-1", "10.00"), _invoice("A-1", "10.00", output_total=99.0)
    assert relation(first, second) is Relation.AMBIGUOUS


def test_values_that_both_texts_hold_are_a_disagreement() -> None:
    text = "Ordered 03.01.2026, delivered 07.01.2026"
    first, second = _row(text, {"date": "2026-01-03"}), _row(text + ".", {"date": "2026-01-07"})
    assert relation(first, second) is Relation.AMBIGUOUS


def test_a_field_that_one_text_lacks_may_be_null() -> None:
    first = _row("Invoice A-77, total 12.00", {"number": "A-77", "total": 12.0})
    second = _row("Invoice, total 12.00", {"number": None, "total": 12.0})
    assert relation(first, second) is Relation.DIFFERENT
    wrong = _row("Invoice A-77, total 12.00", {"number": None, "total": 12.0})
    assert relation(first, wrong) is Relation.AMBIGUOUS


def test_one_explained_value_is_enough_when_another_is_labelled_carelessly() -> None:
    first = _row("Oak Ltd. Total 5.10", {"vendor": "Oak Ltd", "total": 5.1})
    second = _row("Oak Ltd. Total 6.20", {"vendor": "Oak Ltd.", "total": 6.2})
    assert relation(first, second) is Relation.DIFFERENT


def test_labels_are_never_explained_by_their_texts() -> None:
    first, second = _row("a billing matter", "billing"), _row("a shipping matter", "shipping")
    assert relation(first, second) is Relation.AMBIGUOUS


def test_free_text_is_explained_word_by_word() -> None:
    first = _row("Rewrite: I am ten minutes late", "I shall be ten minutes late.")
    second = _row("Rewrite: I am thirty minutes late", "I shall be thirty minutes late.")
    assert relation(first, second, is_free_text=True) is Relation.DIFFERENT
    other = _row("Rewrite: I am ten minutes late", "My arrival is delayed.")
    assert relation(first, other, is_free_text=True) is Relation.AMBIGUOUS


def test_one_and_true_are_different_outputs() -> None:
    assert relation(_row("x", {"a": 1}), _row("x", {"a": True})) is Relation.AMBIGUOUS
    assert relation(_row("x", {"a": [1]}), _row("x", {"a": [1]})) is Relation.SAME


def test_preference_pairs_are_the_same_only_in_both_answers() -> None:
    assert relation(_row("x", "a", "b"), _row("x", "a", "b")) is Relation.SAME
    assert relation(_row("x", "a", "b"), _row("x", "a", "c")) is Relation.DIFFERENT


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "Total 1,234.50"),
        (1234.5, "Total 1.234,50 EUR"),
        (1234.5, "Total 1 234,50"),
        (-12, "Credit 12"),
        (0.1, "0,1 %"),
        (100.5, "2 100.50"),
        ("2026-01-14", "issued on Jan 14, 2026"),
        ("2026-01-14", "14.01.26"),
        ("Acme  ltd", "ACME LTD"),
    ],
)
def test_a_value_is_found_however_the_text_writes_it(value: object, text: str) -> None:
    assert stands_in(value, text)


@pytest.mark.parametrize(
    ("value", "text"), [(7, "17"), (True, "1"), (None, "None"), ("", "x"), ("2026-01-14", "2026-01-15 01")]
)
def test_a_value_that_the_text_lacks_is_not_found(value: object, text: str) -> None:
    assert not stands_in(value, text)
