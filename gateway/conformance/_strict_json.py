"""JSON as RFC 8259 has it: no NaN, no duplicate keys, and numbers that say what they are."""

from __future__ import annotations

import json
from typing import Any, NoReturn


class StrictJsonError(ValueError):
    """Text that is not one JSON value, or that readers would read differently."""


def loads(text: str) -> Any:
    """Decode one JSON value.

    Raises:
        StrictJsonError: not JSON, a repeated key, a lone surrogate, or nested too deeply to read.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        text.encode("utf-8")
    except StrictJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise StrictJsonError(f"not valid JSON: {error}") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise StrictJsonError("an object repeats a key")
    return found


def _refuse(constant: str) -> NoReturn:
    raise StrictJsonError(f"{constant} is not a JSON number")
