"""Every number that a text may be read to hold, whatever country's notation it is written in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

_MAX_DIGITS = 40
_MAX_GROUPS = 7
_DECIMAL_MARKS = frozenset(".,\u066b")
_SEPARATOR = re.compile(r"[.,'_\u066b\u066c]")
_NUMBER = re.compile(r"\d+(?:[.,'_\u066b\u066c]\d+)*")
# A minus may follow a currency (EUR-5.25), but is a hyphen after another letter or digit.
_MINUS_BEFORE = re.compile(r"(?:(?<!\w)|(?<!\w)[^\W\d_]{2,3})-\s?(?:[^\W\d_]{1,3}\s?|[^\w\s]{1,2}\s?)?$")
_BRACKET_BEFORE = re.compile(r"\(\s?(?:[^\W\d_]{1,3}\s?|[^\w\s]{1,2}\s?)?$")
_MINUS_AFTER = re.compile(r"\s?-(?!\w)")
_BRACKET_AFTER = re.compile(r"\s?(?:[^\W\d_]{1,3}|[^\w\s)]{1,2})?\s?\)")
_MARK_BEFORE = re.compile(r"(?<!\w)[.,]$")
_PERCENT_AFTER = re.compile(r"\s?%")
_NEAR = 8


def numbers_in(text: str) -> frozenset[Decimal]:
    """All readings of all numbers of a normalised text.

    A mark is read both ways where both can be meant: 1.248 is 1248 and 1.248. A number with a minus, or in
    brackets as in accounts, is itself and its negative; 19 % is 19 and 0.19.
    """
    found: set[str] = set()
    percents: set[str] = set()
    places = list(_NUMBER.finditer(text))
    for index, place in enumerate(places):
        before = text[max(0, place.start() - _NEAR) : place.start()]
        for reading, end in _readings_at(before, text, places, index):
            found.add(reading)
            after = text[end : end + _NEAR]
            if _is_negative(before, after):
                found.add(f"-{reading}")
            if _PERCENT_AFTER.match(after):
                percents.add(reading)
    return frozenset(
        {Decimal(reading) for reading in found} | {Decimal(f"{reading}e-2") for reading in percents}
    )


def _readings_at(
    before: str, text: str, places: list[re.Match[str]], index: int
) -> Iterator[tuple[str, int]]:
    """Readings that begin at one place, with where each ends."""
    place = places[index]
    written = place[0]
    if len(written) > _MAX_DIGITS:
        return
    for reading in _readings(written):
        yield reading, place.end()
    if not written.isdecimal():
        return
    if _MARK_BEFORE.search(before):
        yield f"0.{written}", place.end()
    if len(written) <= 3 and written[0] != "0":
        yield from _spaced(text, places[index : index + _MAX_GROUPS])


def _spaced(text: str, places: list[re.Match[str]]) -> Iterator[tuple[str, int]]:
    """Join groups that one space parts, as in 1 248,50; only the last has decimals."""
    written = places[0][0]
    for before, place in pairwise(places):
        group, *decimals = _SEPARATOR.split(place[0])
        if text[before.end() : place.start()] != " " or len(group) != 3 or len(decimals) > 1:
            return
        written += group
        if decimals and place[0][3] in _DECIMAL_MARKS:
            yield f"{written}.{decimals[0]}", place.end()
        if decimals:
            return
        yield written, place.end()


def _readings(written: str) -> Iterator[str]:
    """Readings of digits with marks between them; where no notation fits, its parts (a date, a list)."""
    runs, marks = _SEPARATOR.split(written), _SEPARATOR.findall(written)
    whole = [one for one in (_grouped(runs, marks), _with_decimals(runs, marks)) if one]
    if whole:
        yield from whole
        return
    yield from runs
    for first, mark, second in zip(runs, marks, runs[1:], strict=False):
        if mark in _DECIMAL_MARKS:
            yield f"{first}.{second}"


def _with_decimals(runs: list[str], marks: list[str]) -> str:
    if not marks or marks[-1] not in _DECIMAL_MARKS or marks[-1] in marks[:-1]:
        return ""
    whole = _grouped(runs[:-1], marks[:-1])
    return f"{whole}.{runs[-1]}" if whole else ""


def _grouped(runs: list[str], marks: list[str]) -> str:
    """Join groups of three (most places), of two before the last three (India) or of four (East Asia)."""
    if not marks:
        return runs[0]
    if len(set(marks)) > 1 or runs[0][0] == "0":
        return ""
    first, *middle, last = [len(run) for run in runs]
    is_west = first <= 3 and {*middle, last} == {3}
    is_india = first <= 2 and set(middle) == {2} and last == 3
    is_east = first <= 4 and {*middle, last} == {4}
    return "".join(runs) if is_west or is_india or is_east else ""


def _is_negative(before: str, after: str) -> bool:
    if "-" in before and _MINUS_BEFORE.search(before):
        return True
    if "(" in before and _BRACKET_BEFORE.search(before) and _BRACKET_AFTER.match(after):
        return True
    return bool(_MINUS_AFTER.match(after))
