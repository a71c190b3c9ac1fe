"""Lenient comparison of values: case, space and punctuation do not count, as in the SROIE challenge."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Matched:
    """Values that stand in both, in the answer alone, in the gold alone."""

    both: int = 0
    answer_only: int = 0
    gold_only: int = 0

    def __add__(self, other: Matched) -> Matched:
        """Add field by field."""
        return Matched(
            self.both + other.both,
            self.answer_only + other.answer_only,
            self.gold_only + other.gold_only,
        )


def match_fields(gold: Mapping[str, object], got: Mapping[str, object]) -> dict[str, Matched]:
    """Compare field by field, over the fields of both.

    A null or empty value is no value: it can be missed by neither side. A wrong value counts on both
    sides. The items of an array are compared without their order; an object's fields are added up.
    """
    names = [*gold, *(name for name in got if name not in gold)]
    return {name: _match(gold.get(name), got.get(name)) for name in names}


def normal_text(text: str) -> str:
    """Letters and digits of a text without their case; a text without any is itself, trimmed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum()) or folded.strip()


def is_absent(value: object) -> bool:
    """Whether a value says nothing: null, a blank text, an empty array or object."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _match(gold: object, got: object) -> Matched:
    if isinstance(gold, Mapping) and isinstance(got, Mapping):
        return sum(match_fields(gold, got).values(), Matched())
    wanted, given = Counter(_units(gold)), Counter(_units(got))
    both = (wanted & given).total()
    return Matched(both, given.total() - both, wanted.total() - both)


def _units(value: object) -> list[str]:
    if is_absent(value):
        return []
    if isinstance(value, list):
        return [unit for item in value for unit in ([_normal(item)] if not is_absent(item) else [])]
    if isinstance(value, Mapping):
        return [f"{name}={unit}" for name, part in value.items() for unit in _units(part)]
    return [_normal(value)]


def _normal(value: object) -> str:
    if isinstance(value, Mapping):
        parts = (f"{name}={_normal(part)}" for name, part in sorted(value.items()) if not is_absent(part))
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_normal, value)) + "]"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return f"#{Decimal(repr(value)).normalize():f}"
    return normal_text(str(value))
