"""Numbers as texts write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.verification._numbers import numbers_in
from gateway.verification._text import normalise


def read(text: str) -> set[str]:
    return {format(number, "f") for number in numbers_in(normalise(text))}


@pytest.mark.parametrize(
    "text",
    [
        "1248.50",
        "1,248.50",
        "1.248,50",
        "1248,5",
        "1 248,50",
        "1\u00a0248,50",
        "1\u202f248.50",
        "1'248.50",
        "1’248.50",
        "EUR1.248,50",
        "$1,248.50",
        "1,248.50€.",
        "total:1,248.50,",
        "١٢٤٨٫٥٠",
        "١٬٢٤٨٫٥٠",
        "１,２４８.５０",
        "3 1 248,50 2",
        "1_248.50",
    ],
)
def test_every_notation_of_a_number_is_read(text: str) -> None:
    assert Decimal("1248.5") in numbers_in(normalise(text))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.248", {"1.248", "1248"}),
        ("1,248,500", {"1248500"}),
        ("12,34,248.50", {"1234248.50"}),
        ("1,2345,6789", {"123456789"}),
        ("1.248.500,75", {"1248500.75"}),
        ("248.50 1", {"248.50", "1"}),
        ("0.125", {"0.125"}),
        ("x.5", {"5"}),
        ("pay .50", {"50", "0.50"}),
        ("14.01.2026", {"14", "1", "2026", "14.01", "1.2026"}),
        ("1  248", {"1", "248"}),
        ("1\n248", {"1", "248"}),
        ("1 248 500", {"1", "248", "500", "1248", "248500", "1248500"}),
        ("1" * 41, set()),
    ],
)
def test_a_number_is_read_in_the_notations_that_it_fits(text: str, numbers: set[str]) -> None:
    assert read(text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "-5.25",
        "−5,25",
        "- 5.25",
        "-$5.25",
        "-EUR 5,25",
        "EUR-5,25",
        "5.25-",
        "5,25 -",
        "(5.25)",
        "( $5.25 )",
        "(5.25 EUR)",
    ],
)
def test_a_minus_or_brackets_make_a_negative_number_too(text: str) -> None:
    assert numbers_in(normalise(text)) >= {Decimal("5.25"), Decimal("-5.25")}


@pytest.mark.parametrize("text", ["A-5.25", "5.25-x", "(see 5.25 below)", "5.25"])
def test_a_hyphen_makes_no_negative_number(text: str) -> None:
    assert Decimal("-5.25") not in numbers_in(normalise(text))


def test_a_part_of_a_number_is_not_read() -> None:
    assert read("1,248.50") == {"1248.50"}


def test_a_percentage_is_its_ratio_too() -> None:
    assert read("19 %") == {"19", "0.19"}
    assert read("8,1%") == {"8.1", "0.081"}
