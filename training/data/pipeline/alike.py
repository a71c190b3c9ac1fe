"""Whether two alike rows teach the same, contradict each other, or are different examples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from contracts.canonical import stable_bytes
from training.data.pipeline.near import fold
from training.data.pipeline.rows import Row

_NUMBER: Final = re.compile(r"\d+(?:[.,']\d+)*")
_SPACED_NUMBER: Final = re.compile(r"\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?:[.,]\d+)?")
_MAX_NUMBER_CHARACTERS: Final = 40
_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_WORD: Final = re.compile(r"\w+")
_SEPARATORS: Final = re.compile(r"[.,'\u00a0\u202f ]")


class Relation(StrEnum):
    """What two rows with alike texts are to each other."""

    SAME = "same"
    DIFFERENT = "different"
    AMBIGUOUS = "ambiguous"


def relation(first: Row, second: Row, *, is_free_text: bool = False) -> Relation:
    """Compare the outputs of two rows whose texts are alike.

    They are different examples where the texts themselves explain the outputs: a value that differs stands
    in its own text and not in the other one (two invoices of one vendor with different amounts). They are
    ambiguous where the outputs differ and nothing in the texts says why, or both texts hold both values.
    A label is never explained by its text; free text is, word by word. Preference pairs differ unless equal.
    """
    same = stable_bytes(first.output) == stable_bytes(second.output)
    if first.rejected_output is not None or second.rejected_output is not None:
        worse = stable_bytes(first.rejected_output) == stable_bytes(second.rejected_output)
        return Relation.SAME if same and worse else Relation.DIFFERENT
    if same:
        return Relation.SAME
    if is_free_text:
        return _relation_of_words(first, second)
    if not isinstance(first.output, Mapping | list) or not isinstance(second.output, Mapping | list):
        return Relation.AMBIGUOUS
    return _relation_of_leaves(first, second)


def _relation_of_leaves(first: Row, second: Row) -> Relation:
    one, other = dict(_leaves(first.output)), dict(_leaves(second.output))
    is_explained = any(
        _explained(one.get(place), other.get(place), first.text, second.text)
        for place in one.keys() | other.keys()
        if stable_bytes(one.get(place)) != stable_bytes(other.get(place))
    )
    return Relation.DIFFERENT if is_explained else Relation.AMBIGUOUS


def _relation_of_words(first: Row, second: Row) -> Relation:
    ours, theirs = (set(_WORD.findall(fold(str(row.output)))) for row in (first, second))
    our_text, their_text = (set(_WORD.findall(fold(row.text))) for row in (first, second))
    explained = (ours - theirs) & (our_text - their_text) and (theirs - ours) & (their_text - our_text)
    return Relation.DIFFERENT if explained else Relation.AMBIGUOUS


def stands_in(value: object, text: str) -> bool:
    """Whether a value can be read in a text: a number in any notation, a date in any order, or words."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        return abs(Decimal(repr(value))).normalize() in _numbers(text)
    if not isinstance(value, str) or not value.strip():
        return False
    date = _DATE.fullmatch(value.strip())
    if date and _date_stands(date, text):
        return True
    return fold(value) in _folded(text)


def _explained(ours: object, theirs: object, our_text: str, their_text: str) -> bool:
    """Whether each value stands in its own text and one of them not in the other's; null needs no place."""
    if not all(
        value is None or stands_in(value, text) for value, text in ((ours, our_text), (theirs, their_text))
    ):
        return False
    return not (stands_in(ours, their_text) or ours is None) or not (
        stands_in(theirs, our_text) or theirs is None
    )


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{place}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}/{index}")
    else:
        yield place, value


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return fold(text)


@lru_cache(maxsize=4096)
def _numbers(text: str) -> frozenset[Decimal]:
    """Every number of a text, read with each of its separators as the decimal point, and with none."""
    found: set[Decimal] = set()
    for pattern in (_NUMBER, _SPACED_NUMBER):
        for match in pattern.finditer(text):
            pieces = _SEPARATORS.split(match[0][:_MAX_NUMBER_CHARACTERS])
            found.update((Decimal("".join(pieces)), *map(Decimal, filter(None, pieces))))
            if len(pieces) > 1:
                found.add(Decimal("".join(pieces[:-1]) + "." + pieces[-1]))
    return frozenset(number.normalize() for number in found)


def _date_stands(date: re.Match[str], text: str) -> bool:
    """Year and day stand as numbers, and the month as a number or, unseen, as a word."""
    year, month, day = date.groups()
    numbers = {word.lstrip("0") for word in re.findall(r"\d+", text)}
    has_year = year in numbers or year[2:].lstrip("0") in numbers
    has_month = month.lstrip("0") in numbers or any(word.isalpha() for word in _WORD.findall(text))
    return has_year and has_month and day.lstrip("0") in numbers
