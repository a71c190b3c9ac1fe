"""Every day that a text may be read to name: numeric dates, and month names of many languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path

from contracts.verification import DateOrder

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs")

_TABLE = Path(__file__).with_name("months.json")
"""Written by `python -m tests.support.months` from Babel's copy of CLDR, which is too large to load."""

_GAP = r"\s{0,3}"
_YEAR = r"'?(\d{4}|\d\d)(?!\d)"
_MARK = r"[\s.,/-]"
_NAME = r"([^\W\d_]{3,15})"
# Each is tried at every character: a look-ahead takes none, so that dates may overlap.
_YEAR_FIRST = re.compile(
    rf"(?<!\d)(?=(\d{{4}}){_GAP}(?:([-/.]){_GAP}(\d\d?){_GAP}\2|年{_GAP}(\d\d?){_GAP}月){_GAP}(\d\d?)(?!\d))"
)
_YEAR_LAST = re.compile(
    rf"(?<!\d)(?=(\d\d?)(?:{_GAP}([-/.]){_GAP}(\d\d?){_GAP}\2{_GAP}{_YEAR}|[ ](\d\d?)[ ](\d{{4}})(?!\d)))"
)
_COMPACT = re.compile(r"(?<!\d)(?=(\d{4})(\d\d)(\d\d)(?!\d))")
_DAY_NAME_YEAR = re.compile(
    rf"(?<!\d)(?=(\d\d?)(?:st|nd|rd|th|er|re|o|a|°)?{_MARK}{{0,3}}(?:(?:de|of)\s{{1,3}}|d')?{_NAME}"
    rf"{_MARK}{{0,3}}(?:(?:de|del|of)\s{{1,3}})?{_YEAR})"
)
_NAME_DAY_YEAR = re.compile(
    rf"(?<![^\W\d_])(?={_NAME}{_MARK}{{0,3}}(\d\d?)(?:st|nd|rd|th)?{_MARK}{{1,3}}(?:(?:de|of)\s{{1,3}})?{_YEAR})"
)
_YEAR_NAME_DAY = re.compile(rf"(?<!\d)(?=(\d{{4}}){_MARK}{{0,3}}{_NAME}{_MARK}{{0,3}}(\d\d?)(?!\d))")


def dates_in(text: str, order: DateOrder, languages: tuple[str, ...]) -> frozenset[date]:
    """All days of a normalised text; a year of two digits is taken in both this and the last century."""
    return frozenset(
        day
        for year, month, number in (*_numeric(text, order), *_named(text, month_names(languages)))
        for day in _days(year, month, number)
    )


@lru_cache(maxsize=16)
def month_names(languages: tuple[str, ...]) -> Mapping[str, frozenset[int]]:
    """Months by name, in full and short, with accents and without, from the table of Unicode's CLDR.

    Raises:
        KeyError: a language is not among `LANGUAGES`.
    """
    table: dict[str, dict[str, list[int]]] = json.loads(_TABLE.read_text(encoding="utf-8"))
    found: dict[str, set[int]] = {}
    for language in languages:
        for name, months in table[language].items():
            found.setdefault(name, set()).update(months)
    return {name: frozenset(months) for name, months in found.items()}


def _numeric(text: str, order: DateOrder) -> Iterator[tuple[str, int, int]]:
    for year, _, month, other_month, day in _YEAR_FIRST.findall(text):
        yield year, int(month or other_month), int(day)
    for year, month, day in _COMPACT.findall(text):
        yield year, int(month), int(day)
    for first, _, second, year, other_second, other_year in _YEAR_LAST.findall(text):
        one, two = int(first), int(second or other_second)
        if order != "month_first":
            yield year or other_year, two, one
        if order != "day_first":
            yield year or other_year, one, two


def _named(text: str, names: Mapping[str, frozenset[int]]) -> Iterator[tuple[str, int, int]]:
    found = [(year, name, day) for day, name, year in _DAY_NAME_YEAR.findall(text)]
    found += [(year, name, day) for name, day, year in _NAME_DAY_YEAR.findall(text)]
    found += [(year, name, day) for year, name, day in _YEAR_NAME_DAY.findall(text)]
    for year, name, day in found:
        for month in names.get(name, ()):
            yield year, month, int(day)


def _days(year: str, month: int, day: int) -> Iterator[date]:
    for full in (int(year),) if len(year) == 4 else (2000 + int(year), 1900 + int(year)):
        try:
            yield date(full, month, day)
        except ValueError:
            continue
