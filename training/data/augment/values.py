"""New values in the place of old ones, written as the old ones are: dates, amounts, codes."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

AMOUNT = re.compile(r"(?<![\d.,])(?:\d{1,3}(?:,\d{3})+|\d{1,7})\.\d{2}(?!\d|[.,]\d)")
"""A money amount with two decimals, with or without thousands separators."""

_DATE_FORMATS = (
    *("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d", "%Y/%m/%d", "%d/%m/%y", "%d-%m-%y", "%d.%m.%y"),
    *("%d %b %Y", "%d-%b-%Y", "%d/%b/%Y", "%d %b %y", "%d-%b-%y", "%d %B %Y", "%d%m%Y", "%Y%m%d", "%d%b%Y"),
    *("%b %d, %Y", "%B %d, %Y", "%m/%d/%Y"),
)
_MAX_SHIFT_DAYS = 1000
_SMALLEST_SCALED = 0.10
"""Roundings and cent differences stay as they are."""


def shifted_date(written: str, rng: random.Random) -> str | None:
    """Another date in the same notation; None where the notation is not known."""
    for notation in _DATE_FORMATS:
        try:
            day = datetime.strptime(written.strip(), notation)
        except ValueError:
            continue
        moved = day + timedelta(days=rng.randint(-_MAX_SHIFT_DAYS, _MAX_SHIFT_DAYS))
        return _in_case(_padded_as(written, moved.strftime(notation)), written)
    return None


def scaled_amounts(rng: random.Random) -> Callable[[str], str]:
    """A function that multiplies every amount of a text by one factor; their order and labels stay true."""
    factor = math.exp(rng.uniform(math.log(0.2), math.log(5.0)))
    known: dict[str, str] = {}

    def scale(text: str) -> str:
        return AMOUNT.sub(lambda match: known.setdefault(match[0], _scaled(match[0], factor)), text)

    return scale


def new_digits(text: str, rng: random.Random) -> str:
    """The same text with other digits, for telephone numbers and codes; a first zero stays."""
    return re.sub(r"(?<!\d)\d+", lambda match: _digits(match[0], rng), text)


def with_noise(text: str, rate: float, rng: random.Random, confusions: Mapping[str, str]) -> str:
    """Characters read wrongly, dropped or doubled, each with a small probability."""
    written = []
    for character in text:
        if character == "\n" or rng.random() >= rate:
            written.append(character)
            continue
        kind = rng.random()
        if kind < 0.6:
            written.append(confusions.get(character, character))
        elif kind < 0.8:
            written.append(character * 2)
    return "".join(written)


def _scaled(amount: str, factor: float) -> str:
    value = float(amount.replace(",", ""))
    if value < _SMALLEST_SCALED:
        return amount
    return f"{value * factor:,.2f}" if "," in amount else f"{value * factor:.2f}"


def _digits(number: str, rng: random.Random) -> str:
    first = number[0] if number[0] == "0" else str(rng.randint(1, 9))
    return first + "".join(str(rng.randint(0, 9)) for _ in number[1:])


def _padded_as(old: str, new: str) -> str:
    """Drop the leading zeros that the old date does not write (3/4/2018)."""
    if re.search(r"(?<!\d)[1-9](?!\d)", old):
        return re.sub(r"(?<!\d)0(\d)(?!\d)", r"\1", new)
    return new


def _in_case(new: str, old: str) -> str:
    letters = [character for character in old if character.isalpha()]
    if letters and all(character.isupper() for character in letters):
        return new.upper()
    return new
