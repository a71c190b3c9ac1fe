"""Functions that a rule may call besides CEL's own. Each raises ValueError for what it is not made for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

MAX_CHECKED_CHARS = 100
"""Longer than any card or account number."""

# The sum of any doubles has at most 650 digits, plus those of their count: nothing is ever rounded here.
_EXACT = Context(prec=1000)
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def total(items: object) -> float:
    """Add numbers exactly, each taken as the decimal that it is written as; 0.1 and 0.2 make 0.3."""
    if not isinstance(items, list):
        raise ValueError("sum takes a list of numbers")  # noqa: TRY004 - one kind of fault
    result = Decimal(0)
    for item in items:
        result = _EXACT.add(result, _decimal(item))
    found = float(result)
    if math.isinf(found):
        raise ValueError("the sum is too large")
    return found


def close(left: object, right: object, tolerance: object) -> bool:
    """Whether two numbers differ by `tolerance` at most, compared as decimals."""
    distance = _EXACT.subtract(_decimal(left), _decimal(right))
    return _EXACT.abs(distance) <= _decimal(tolerance)


def date(text: object) -> datetime:
    """Read YYYY-MM-DD as midnight UTC, which CEL compares as a timestamp."""
    if not isinstance(text, str) or not _ISO_DATE.fullmatch(text):
        raise ValueError("date takes a text YYYY-MM-DD")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError("date: no such day") from error


def days_between(first: object, second: object) -> int:
    """Days from the first date to the second, negative where the second is earlier."""
    return (_day(second) - _day(first)).days


def luhn(text: object) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B); spaces and hyphens are left out."""
    digits = _characters(text, "luhn")
    if len(digits) < 2 or not (digits.isascii() and digits.isdecimal()):
        return False
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def mod97(text: object) -> bool:
    """Whether an IBAN's check digits are right (ISO 13616); spaces are left out."""
    iban = _characters(text, "mod97").upper()
    if len(iban) < 5 or not (iban.isascii() and iban.isalnum()):
        return False
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sum": total,
    "close": close,
    "date": date,
    "days_between": days_between,
    "luhn": luhn,
    "mod97": mod97,
}


def _decimal(number: object) -> Decimal:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError("a number is missing")  # noqa: TRY004 - one kind of fault
    return Decimal(repr(number))


def _day(value: object) -> datetime:
    return value if isinstance(value, datetime) else date(value)


def _characters(text: object, function: str) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{function} takes a text")  # noqa: TRY004 - one kind of fault
    return text.replace(" ", "").replace("-", "") if len(text) <= MAX_CHECKED_CHARS else ""
