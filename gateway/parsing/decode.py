"""Bytes to JSON, bounded in size, depth and encoding."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import orjson
from pydantic import BaseModel, ValidationError

from gateway.errors import InvalidRequestError

Model = TypeVar("Model", bound=BaseModel)

_LONG_NUMBER = b"0" * 19
_DIGITS = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else ord(" ") for byte in range(256))
_FEW_BRACKETS = 4
_NO_STRUCTURE = bytes(byte for byte in range(256) if chr(byte) not in '{}[]"')
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[[ord("{"), ord("[")]] = 1
_STEPS[[ord("}"), ord("]")]] = -1
_TAG = re.compile(r"str|bool|function-.*|[a-z]+\[.*|[A-Z][A-Za-z]+")


def decode_object(body: bytes, max_nesting: int) -> dict[str, Any]:
    """Decode a JSON object.

    Raises:
        InvalidRequestError: not UTF-8, not JSON, not an object, or nested deeper than allowed.
    """
    if not body.strip():
        raise InvalidRequestError("The request body is empty; send a JSON object")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError(f"The request body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidRequestError("The request body must be a JSON object")
    if _LONG_NUMBER in body.translate(_DIGITS):
        _check_integers(body)
    if nesting_of(body) > max_nesting:
        raise InvalidRequestError(f"The request body is nested deeper than {max_nesting} levels")
    return value


def _check_integers(body: bytes) -> None:
    """The fast decoder makes a float of an integer beyond 64 bits, and a schema would mean another number."""

    def check(digits: str) -> int:
        if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
            raise InvalidRequestError(f"The integer {digits[:30]} is beyond 64 bits; write it as a string")
        return 0

    try:
        json.loads(body, parse_int=check)
    except RecursionError:
        return  # nested too deeply, which is refused by the bound on that


def nesting_of(body: bytes) -> int:
    """Depth of JSON that is known to be valid, from its bytes: walking all values takes too long."""
    brackets = body.count(b"{") + body.count(b"[")
    if brackets <= _FEW_BRACKETS:
        return brackets  # no more than that, and no more is asked of it
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    text = np.frombuffer(body.translate(None, _NO_STRUCTURE), dtype=np.uint8)
    steps = _STEPS[text]
    steps[np.logical_xor.accumulate(text == ord('"'))] = 0
    # The decoder goes no deeper than 1,024, so 16 bits hold every sum.
    return int(np.cumsum(steps, dtype=np.int16).max())


def is_deeper_than(value: Any, limit: int) -> bool:
    """Walk level by level, so that a bomb costs no stack."""
    level: list[Any] = [value]
    for _ in range(limit):
        level = [child for node in level for child in _containers(node)]
        if not level:
            return False
    return True


def _containers(node: Any) -> Iterable[Any]:
    children = node.values() if isinstance(node, dict) else node
    return [child for child in children if isinstance(child, dict | list)]


def validated(model: type[Model], body: Any, at: str = "") -> Model:
    """Validate with pydantic; the first fault is reported with its path.

    Raises:
        InvalidRequestError: with `param` the path of the fault.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise fault(error, at) from error


def fault(error: ValidationError, at: str = "") -> InvalidRequestError:
    """Turn pydantic's first complaint into ours. The offending value is left out: it may be a prompt."""
    return first_fault(error.errors(include_url=False, include_input=False), at)


def first_fault(errors: Sequence[Any], at: str = "") -> InvalidRequestError:
    """As `fault`, from pydantic's list of complaints."""
    first = errors[0]
    path = ".".join(
        str(part) for part in (at, *first["loc"]) if part not in ("", "body") and not _is_tag(part)
    )
    return InvalidRequestError(f"{path or 'body'}: {first['msg']}", param=path or None)


def _is_tag(part: object) -> bool:
    """Union branches show up in pydantic's path as types and classes; they are not part of the request."""
    return isinstance(part, str) and _TAG.fullmatch(part) is not None
