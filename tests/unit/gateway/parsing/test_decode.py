"""Bytes to a JSON object: what never gets further."""

from __future__ import annotations

import json

import pytest

from gateway.errors import InvalidRequestError
from gateway.parsing.decode import decode_object, is_deeper_than, nesting_of


def refused(body: bytes, max_nesting: int = 64) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        decode_object(body, max_nesting)
    assert caught.value.param is None
    return caught.value.message


def test_an_object_is_decoded() -> None:
    assert decode_object('{"a":"ä😀"}'.encode(), 64) == {"a": "ä😀"}


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_an_empty_body_is_named_as_such(body: bytes) -> None:
    assert refused(body) == "The request body is empty; send a JSON object"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":1}{"b":2}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        '{"a":1}'.encode("utf-16"),
        b"\x00",
        b"model=auto&stream=1",
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    assert refused(body).startswith("The request body is not valid JSON: ")


@pytest.mark.parametrize("body", [b"[]", b'[{"model":"auto"}]', b"null", b"1", b'"{}"', b"true"])
def test_only_an_object_is_a_request(body: bytes) -> None:
    assert refused(body) == "The request body must be a JSON object"


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    return opening * depth + b"1" + closing * depth


def test_the_bound_of_nesting_is_exact() -> None:
    assert decode_object(nested(8, b'{"a":', b"}"), 8)
    assert refused(nested(9, b'{"a":', b"}"), 8) == "The request body is nested deeper than 8 levels"


def test_arrays_count_as_levels() -> None:
    assert decode_object(b'{"a":' + nested(7, b"[", b"]") + b"}", 8)
    assert "deeper than 8" in refused(b'{"a":' + nested(8, b"[", b"]") + b"}", 8)


@pytest.mark.parametrize("depth", [1_000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_nesting_bomb_is_refused_and_not_a_crash(depth: int, opening: bytes, closing: bytes) -> None:
    assert refused(b'{"a":' + nested(depth, opening, closing) + b"}")


def test_a_wide_value_is_not_deep() -> None:
    assert not is_deeper_than([[1]] * 1000, 2)
    assert is_deeper_than([[1]], 1)


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        (b'{"a":[{"b":[1,2]},[],{}]}', 4),
        (b'{"a":"[[[[[[{{{{","b":[[["\\\\"]]],"c":"\\"[[[[[[[[["}', 4),
        (b'["\\\\\\"[[[[[",[[[["]]]]"]]]]]', 5),
        (b"[" * 300 + b"]" * 300, 300),
    ],
)
def test_nesting_is_read_off_the_bytes(body: bytes, depth: int) -> None:
    json.loads(body)
    assert nesting_of(body) == depth
