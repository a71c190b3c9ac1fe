"""Values of an answer must stand in the input, however it writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cached_property

from contracts.canonical import JsonValue
from contracts.verification import DateOrder, Grounding
from gateway.intake.violation import Violation, ViolationKind
from gateway.verification._dates import LANGUAGES, dates_in, month_names
from gateway.verification._numbers import numbers_in
from gateway.verification._text import normalise, words_of

MAX_SOURCE_CHARS = 200_000
MAX_VALUES = 2000
MAX_VIOLATIONS = 20

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,20})\.\d{1,20}")


class SourceIndex:
    """What a text holds: its words, numbers and days, each read once, when first asked for.

    Only the first `MAX_SOURCE_CHARS` are read. `languages` are those whose month names are known.
    """

    def __init__(
        self, text: str, *, dates: DateOrder = "auto", languages: tuple[str, ...] = LANGUAGES
    ) -> None:
        # Cut twice: a compatibility form may fold to eighteen characters.
        self._text = normalise(text[:MAX_SOURCE_CHARS])[:MAX_SOURCE_CHARS]
        self._order = dates
        self._languages = languages

    def has_text(self, value: str) -> bool:
        """Whether the words stand there in this order, whatever their case and spacing."""
        return words_of(normalise(value)) in self._words

    def has_number(self, value: int | float | Decimal) -> bool:
        """Whether the number stands there in any country's notation; 1248.5 is found as 1.248,50."""
        return (value if isinstance(value, Decimal) else Decimal(repr(value))) in self._numbers

    def has_date(self, day: date) -> bool:
        """Whether the day stands there in any written form."""
        return day in self._dates

    @cached_property
    def _words(self) -> str:
        return words_of(self._text)

    @cached_property
    def _numbers(self) -> frozenset[Decimal]:
        return numbers_in(self._text)

    @cached_property
    def _dates(self) -> frozenset[date]:
        return dates_in(self._text, self._order, self._languages)


def load_languages(languages: tuple[str, ...] = LANGUAGES) -> None:
    """Read what the first request with a date would wait 0.1 s for; for a task that names grounding."""
    month_names(languages)
    normalise("")


def ungrounded(grounding: Grounding, value: JsonValue, source: SourceIndex) -> tuple[Violation, ...]:
    """Name the places whose values do not stand in the source; at most `MAX_VIOLATIONS`.

    Null, an empty text, a boolean and a place that the answer lacks are passed over; of an array or an
    object every value inside is checked. Over `MAX_VALUES` values are a violation, never a pass.
    """
    found: list[Violation] = []
    for number, (pointer, leaf) in enumerate(_leaves(grounding, value)):
        if number == MAX_VALUES:
            found.append(_violation("", f"over {MAX_VALUES} values would have to be found in the input"))
        elif not _stands(leaf, source):
            found.append(_violation(pointer, f"the value at {pointer or '/'} does not occur in the input"))
        if number == MAX_VALUES or len(found) == MAX_VIOLATIONS:
            break
    return tuple(found)


def _stands(value: JsonValue, source: SourceIndex) -> bool:
    if value is None or isinstance(value, bool) or value == "":
        return True
    if isinstance(value, int | float):
        return source.has_number(value)
    if not isinstance(value, str):
        raise TypeError(f"not a value of JSON: {type(value).__name__}")
    if _DECIMAL.fullmatch(value):  # as words, 248.50 would stand in 1,248.50
        return source.has_number(Decimal(value))
    return source.has_text(value) or _is_dated(value, source)


def _is_dated(value: str, source: SourceIndex) -> bool:
    if not _ISO_DATE.fullmatch(value):
        return False
    try:
        return source.has_date(date.fromisoformat(value))
    except ValueError:
        return False


def _leaves(grounding: Grounding, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    for pointer in grounding.pointers:
        keys = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        for place, target in _targets(value, keys):
            yield from _scalars(place, target)


def _targets(value: JsonValue, keys: list[str]) -> Iterator[tuple[str, JsonValue]]:
    """Follow a pointer, with every item of an array at `*`."""
    reached: list[tuple[str, JsonValue]] = [("", value)]
    for wanted in keys:
        reached = [
            (f"{place}/{_escaped(key)}", item) for place, node in reached for key, item in _step(node, wanted)
        ]
    yield from reached


def _step(node: JsonValue, wanted: str) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(node, dict):
        if wanted in node:
            yield wanted, node[wanted]
    elif isinstance(node, list):
        if wanted == "*":
            yield from ((str(index), item) for index, item in enumerate(node))
        elif wanted.isdecimal() and len(wanted) < 10 and int(wanted) < len(node):
            yield wanted, node[int(wanted)]


def _scalars(place: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    waiting = [(place, value)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting += reversed([(f"{place}/{_escaped(key)}", item) for key, item in value.items()])
        elif isinstance(value, list):
            waiting += reversed([(f"{place}/{index}", item) for index, item in enumerate(value)])
        else:
            yield place, value


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _violation(pointer: str, message: str) -> Violation:
    return Violation(pointer, message, ViolationKind.GROUNDING, "grounding")
