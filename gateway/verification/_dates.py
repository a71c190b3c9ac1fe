"""Every day that a text may be read to name: numeric dates, and month names of many languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache

from contracts.verification import DateOrder
from gateway.verification._text import normalise, without_accents

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs")

_PLACES = {"en": ("en", "en_GB"), "de": ("de", "de_AT"), "pt": ("pt", "pt_PT")}
"""Where a language has other names or abbreviations elsewhere."""

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
    """Months by name, in full and short, with accents and without. The first call reads CLDR, in 0.1 s."""
    from babel.dates import get_month_names  # noqa: PLC0415 - only tasks with grounding pay

    found: dict[str, set[int]] = {}
    for place in (place for language in languages for place in _PLACES.get(language, (language,))):
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for month, name in get_month_names(width, context, place).items():
                    for written in (
                        normalise(name).rstrip("."),
                        without_accents(normalise(name)).rstrip("."),
                    ):
                        found.setdefault(written, set()).add(month)
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
