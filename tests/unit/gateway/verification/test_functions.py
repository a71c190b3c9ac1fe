"""What a rule may call: exact arithmetic, days, check digits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.verification._functions import close, date, days_between, luhn, mod97, total


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], 0.0),
        ([0.1] * 10, 1.0),
        ([1e308, 1e-308, -1e308], 1e-308),
        ([1248.5, -0.01], 1248.49),
        ([2, 3], 5.0),
    ],
)
def test_a_sum_is_that_of_the_decimals(numbers: list[float], expected: float) -> None:
    assert total(numbers) == expected


@pytest.mark.parametrize("items", [None, 1, "12", [None], ["1"], [True], {"a": 1}])
def test_a_sum_of_anything_else_is_refused(items: Any) -> None:
    with pytest.raises(ValueError, match="number"):
        total(items)


def test_a_sum_that_no_number_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        total([1.7e308, 1.7e308])


def test_closeness_is_that_of_the_decimals() -> None:
    assert 0.3 - 0.2 < 0.1
    assert close(0.3, 0.2, 0.1)
    assert close(-1, 1, 2)
    assert not close(0.3, 0.2, 0.0999)


def test_a_date_is_midnight() -> None:
    assert date("2026-01-14") == datetime(2026, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "2026-1-14", "20260114", "14.01.2026", "2026-02-30", "2026-01-14T00:00:00", None, 1]
)
def test_what_is_no_date_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"^date"):
        date(text)


def test_days_are_counted_with_their_sign() -> None:
    assert days_between("2026-01-31", "2026-03-01") == 29
    assert days_between("2026-03-01", "2026-01-31") == -29
    assert days_between(date("2026-03-01"), "2026-03-01") == 0


@pytest.mark.parametrize("text", ["4539148803436467", "4539 1488 0343 6467", "79927398713", "00", "18"])
def test_a_right_luhn_digit_is_true(text: str) -> None:
    assert luhn(text)


@pytest.mark.parametrize("text", ["", "0", "4539148803436468", "7992739871x", "٤٥٣٩", "0" * 101])
def test_a_wrong_luhn_digit_is_false(text: str) -> None:
    assert not luhn(text)


@pytest.mark.parametrize(
    "text", ["GB82 WEST 1234 5698 7654 32", "de89370400440532013000", "FR1420041010050500013M02606"]
)
def test_right_check_digits_of_an_iban_are_true(text: str) -> None:
    assert mod97(text)


@pytest.mark.parametrize("text", ["", "GB82", "GB83WEST12345698765432", "GB82WEST1234569876543²", "1" * 101])
def test_wrong_check_digits_of_an_iban_are_false(text: str) -> None:
    assert not mod97(text)


@pytest.mark.parametrize("check", [luhn, mod97])
def test_a_number_is_no_text_of_digits(check: Any) -> None:
    with pytest.raises(ValueError, match="takes a text"):
        check(79927398713.0)
