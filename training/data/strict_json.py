"""JSON as data files may hold it: one value, no NaN, no key twice, not deeper than a bound."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_DEPTH: Final = 64
"""Levels of arrays and objects in one row; a deeper one is hostile or broken."""

_MAX_INTEGER_DIGITS: Final = 400


def parse_json(text: str) -> Any:
    """Parse one JSON value.

    Raises:
        ValueError: it is no JSON, names NaN or an infinity, repeats a key, or is too deep.
    """
    try:
        value = _decoder.decode(text)
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
    if _is_deep(value):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for parent in level
            if isinstance(parent, dict | list)
            for item in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _integer(digits: str) -> int:
    if len(digits) > _MAX_INTEGER_DIGITS:
        raise ValueError(f"a number has more than {_MAX_INTEGER_DIGITS} digits")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has the same key twice")
    return value


_decoder = json.JSONDecoder(
    parse_constant=_constant, parse_float=_float, parse_int=_integer, object_pairs_hook=_object
)
