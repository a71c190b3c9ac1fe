"""Whether the values of an output stand in its text: words, numbers and dates in any common notation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, Final

from contracts.canonical import JsonValue
from training.data.invoices.locales import LOCALES

MAX_TEXT_CHARACTERS: Final = 400_000
_MAX_DIGITS: Final = 40
_MAX_LINKS: Final = 32

_NUMBER: Final = re.compile(r"\d+(?:[.,'’]\d+)*")
_SPACED_NUMBER: Final = re.compile(r"(?<!\d)\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?!\d)")
_SEPARATOR: Final = re.compile(r"[.,'’ ]")
_DECIMAL: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?")
_ISO_DATE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_ORDINALS: Final = ("", "st", "nd", "rd", "th", "er", "o", "a")
_BETWEEN: Final = ("", "de", "of", "del", "d")
_NUMBER_WORDS: Final = dict(
    enumerate(
        (
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
            ),
            *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
            "twenty",
        )
    )
)
_ROUND_NUMBERS: Final = {"k": 1000, "thousand": 1000, "million": 1_000_000, "mio": 1_000_000, "dozen": 12}


class Text:
    """A text that values are looked up in; each view of it is made once, when first needed."""

    def __init__(self, text: str) -> None:
        self._folded = _fold(text[:MAX_TEXT_CHARACTERS])

    def has_words(self, value: str) -> bool:
        """Whether the value's letters and digits stand here in a row, from the start of a word to an end."""
        wanted = "".join(sign for sign in _fold(value) if sign.isalnum())
        if not wanted:
            return _fold(value).strip() in self._folded
        squeezed, starts, ends = self._squeezed
        at = squeezed.find(wanted)
        while at >= 0:
            if at in starts and at + len(wanted) in ends:
                return True
            at = squeezed.find(wanted, at + 1)
        return False

    def has_number(self, value: float | Decimal) -> bool:
        """Whether the number stands here in some notation, signs aside; 1248.5 is found as 1.248,50."""
        number = abs(value if isinstance(value, Decimal) else Decimal(repr(value)))
        if number.normalize() in self._numbers:
            return True
        word = _NUMBER_WORDS.get(int(number)) if number == number.to_integral_value() else None
        return word is not None and self.has_words(word)

    def has_date(self, day: date) -> bool:
        """Whether the day stands here, year included, in digits or with a month's name."""
        return any(self.has_words(written) for written in _written(day))

    def has_time(self, hour: int, minute: int) -> bool:
        """Whether a time of day stands here, on a clock of 24 or 12 hours."""
        half = f"{hour % 12 or 12}"
        whole = f"{hour}:{minute:02}", f"{hour:02}{minute:02}", f"{half}:{minute:02}"
        short = (f"{half}am", f"{half}pm", f"{hour}h", f"{hour}uhr") if minute == 0 else ()
        return any(self.has_words(written) for written in (*whole, *short))

    @cached_property
    def _squeezed(self) -> tuple[str, frozenset[int], frozenset[int]]:
        """Letters and digits alone, and where among them words and runs of digits start and end."""
        kept: list[str] = []
        starts, ends = set(), set()
        before = ""
        for sign in self._folded:
            if sign.isalnum():
                if _is_border(before, sign):
                    starts.add(len(kept))
                    ends.add(len(kept))
                kept.append(sign)
            before = sign
        ends.add(len(kept))
        return "".join(kept), frozenset(starts), frozenset(ends)

    @cached_property
    def _numbers(self) -> frozenset[Decimal]:
        places = (*_NUMBER.finditer(self._folded), *_SPACED_NUMBER.finditer(self._folded))
        return frozenset(number.normalize() for place in places for number in self._meant(place))

    def _meant(self, place: re.Match[str]) -> Iterator[Decimal]:
        after = self._folded[place.end() : place.end() + 12].lstrip()
        follows = re.match(r"[a-z]+", after)
        factor = _ROUND_NUMBERS.get(follows[0], 1) if follows else 1
        for reading in _readings(place[0][:_MAX_DIGITS]):
            yield reading
            yield reading * factor
            if after.startswith("%"):
                yield reading / 100


def ungrounded(
    output: JsonValue, schema: JsonValue, text: str, exempt: Sequence[str] = ()
) -> tuple[str, ...]:
    """The JSON pointers of values that do not stand in the text.

    Null, booleans, empty texts and values that the schema lists (`enum`, `const`) need not; nor does what
    lies under a pointer of `exempt`, in which `*` stands for any item of an array.
    """
    source = Text(text)
    return tuple(
        pointer
        for pointer, value, is_listed in _leaves(output, schema, schema, "")
        if not is_listed and not _is_exempt(pointer, exempt) and not _stands(value, source)
    )


def _stands(value: JsonValue, source: Text) -> bool:
    if value is None or isinstance(value, bool) or value == "":
        return True
    if isinstance(value, int | float):
        return source.has_number(value)
    if not isinstance(value, str):
        return True
    if _DECIMAL.fullmatch(value) and "." in value:
        return source.has_number(Decimal(value))
    return source.has_words(value) or _is_dated(value, source) or _is_number_text(value, source)


def _is_dated(value: str, source: Text) -> bool:
    found = _ISO_DATE.fullmatch(value)
    if not found:
        return False
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        return False
    hour, minute = found[2], found[3]
    is_midnight = hour in (None, "00") and minute in (None, "00")
    return source.has_date(day) and (is_midnight or source.has_time(int(hour), int(minute)))


def _is_number_text(value: str, source: Text) -> bool:
    return bool(_DECIMAL.fullmatch(value)) and source.has_number(Decimal(value))


def _leaves(
    value: JsonValue, schema: JsonValue, root: JsonValue, place: str
) -> Iterator[tuple[str, JsonValue, bool]]:
    node = _resolved(schema, root)
    if isinstance(value, Mapping):
        properties = node.get("properties")
        known = properties if isinstance(properties, Mapping) else {}
        for key, item in value.items():
            escaped = key.replace("~", "~0").replace("/", "~1")
            yield from _leaves(
                item, known.get(key, node.get("additionalProperties")), root, f"{place}/{escaped}"
            )
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, node.get("items"), root, f"{place}/{index}")
    else:
        yield place, value, _is_listed(value, node, root)


def _is_listed(value: JsonValue, node: Mapping[str, Any], root: JsonValue) -> bool:
    """Whether the schema itself offers the value: it is a label then, and no quotation."""
    if "const" in node or value in (node.get("enum") or ()):
        return True
    branches = [one for key in ("anyOf", "oneOf", "allOf") for one in node.get(key) or ()]
    resolved = [_resolved(branch, root) for branch in branches]
    return any("const" in one or value in (one.get("enum") or ()) for one in resolved)


def _resolved(schema: JsonValue, root: JsonValue) -> Mapping[str, Any]:
    """Follow `$ref` within the document, a bounded number of links."""
    node: Any = schema
    for _ in range(_MAX_LINKS):
        if not isinstance(node, Mapping):
            return {}
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return node
        node = root
        for key in reference[1:].split("/")[1:]:
            name = key.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, Mapping) else None
    return {}


def _is_exempt(pointer: str, exempt: Sequence[str]) -> bool:
    keys = pointer.split("/")
    for pattern in exempt:
        wanted = pattern.split("/")
        if len(wanted) <= len(keys) and all(
            one in ("*", other) for one, other in zip(wanted, keys, strict=False)
        ):
            return True
    return False


def _readings(written: str) -> Iterator[Decimal]:
    """Digits with separators as one number, grouped or with decimals; where neither fits, its parts."""
    runs, marks = _SEPARATOR.split(written), _SEPARATOR.findall(written)
    whole = []
    if _is_grouped(runs, marks):
        whole.append("".join(runs))
    if marks and marks[-1] in ".," and marks[-1] not in marks[:-1] and _is_grouped(runs[:-1], marks[:-1]):
        whole.append("".join(runs[:-1]) + "." + runs[-1])
    yield from map(Decimal, whole or runs)


def _is_grouped(runs: Sequence[str], marks: Sequence[str]) -> bool:
    """Groups of three (most places), of two before the last three (India) or of four (East Asia)."""
    first, *others = [len(run) for run in runs]
    if not others:
        return True
    *middle, last = others
    is_west = first <= 3 and {*others} == {3}
    is_india = first <= 2 and {*middle} == {2} and last == 3
    is_east = first <= 4 and {*others} == {4}
    return len({*marks}) == 1 and (is_west or is_india or is_east)


@cache
def _month_names() -> Mapping[int, frozenset[str]]:
    names: dict[int, set[str]] = {month: set() for month in range(1, 13)}
    for words in {place.words.code: place.words for place in LOCALES}.values():
        for month, pair in enumerate(zip(words.months, words.short_months, strict=True), 1):
            names[month] |= {_fold(name).strip(".") for name in pair}
    return {month: frozenset(some) for month, some in names.items()}


def _written(day: date) -> Iterator[str]:
    """The common notations of a day, without the signs between their parts."""
    years = (f"{day.year}", f"{day.year % 100:02}")
    days = dict.fromkeys((f"{day.day:02}", f"{day.day}"))
    months = dict.fromkeys((f"{day.month:02}", f"{day.month}"))
    for number in days:
        for month in months:
            yield f"{day.year}{month}{number}"
            for year in years:
                yield from (f"{number}{month}{year}", f"{month}{number}{year}")
    for name in _month_names()[day.month]:
        yield from _with_month_name(name, days, day.year)


def _with_month_name(name: str, days: Mapping[str, object], full_year: int) -> Iterator[str]:
    for number in days:
        yield f"{full_year}{name}{number}"
        for ordinal in _ORDINALS:
            for year in (f"{full_year}", f"{full_year % 100:02}"):
                yield f"{name}{number}{ordinal}{year}"
                for between in _BETWEEN:
                    yield from (f"{number}{ordinal}{between}{name}{last}{year}" for last in ("", "de", "del"))


def _is_border(before: str, sign: str) -> bool:
    """Whether a word or a run of digits starts between two signs; scripts without spaces start at each."""
    if not before.isalnum() or before.isdigit() != sign.isdigit():
        return True
    return unicodedata.category(sign) == "Lo" or unicodedata.category(before) == "Lo"


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
