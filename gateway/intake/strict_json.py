"""JSON as RFC 8259 has it: no NaN, no duplicate keys, and numbers that say what they are."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from gateway.parsing.decode import is_deeper_than

MAX_NESTING = 200
"""Deeper than any request may be; what reads an answer further on recurses."""


class StrictJsonError(ValueError):
    """Text that is not one JSON value, or that readers would read differently."""


def loads(text: str) -> Any:
    """Decode one JSON value.

    Raises:
        StrictJsonError: not JSON, a repeated key, a lone surrogate, or nested too deeply to read.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
        text.encode("utf-8")
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # an escape may be half of a pair
    except StrictJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise StrictJsonError(f"not valid JSON: {error}") from error
    if text.count("[") + text.count("{") > MAX_NESTING and is_deeper_than([value], MAX_NESTING):
        raise StrictJsonError(f"nested deeper than {MAX_NESTING} levels")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise StrictJsonError("an object repeats a key")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise StrictJsonError(f"{text[:50]} is too large a number")
    return number


def _refuse(constant: str) -> NoReturn:
    raise StrictJsonError(f"{constant} is not a JSON number")
