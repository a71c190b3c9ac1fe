"""JSON that every reader reads alike."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.intake.strict_json import MAX_NESTING, StrictJsonError, loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null]}', {"a": [1, 2.5, True, None]}),
        (' "ä😀" ', "ä😀"),
        ('"\\u00e4\\ud83d\\ude00"', "ä😀"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ('{"a":{"x":1},"b":{"x":1}}', {"a": {"x": 1}, "b": {"x": 1}}),
        ("1e308", 1e308),
        ("-0", 0),
    ],
)
def test_one_json_value_is_read(text: str, value: Any) -> None:
    assert loads(text) == value


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '[{"x":{"b":1,"c":2,"b":3}}]', '{"a":1,"\\u0061":2}'])
def test_a_repeated_key_is_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="an object repeats a key"):
        loads(text)


@pytest.mark.parametrize("text", ["NaN", '{"a":NaN}', "[Infinity]", "-Infinity"])
def test_a_constant_that_json_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="is not a JSON number"):
        loads(text)


@pytest.mark.parametrize("text", ["1e400", '{"a":-1e999}'])
def test_a_number_that_would_be_read_as_infinity_is_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="too large a number"):
        loads(text)


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\udfff":1}', '["\\ud83d x"]', '"\ud800"'])
def test_half_of_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="not valid JSON"):
        loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"a":1}}',
        '{"a":1} {"b":2}',
        "{'a':1}",
        '{"a":1,}',
        "01",
        '"\n"',
        "nul",
        "```json\n{}```",
    ],
)
def test_anything_but_one_value_is_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="not valid JSON"):
        loads(text)


def test_an_integer_that_takes_too_long_to_read_is_refused() -> None:
    with pytest.raises(StrictJsonError, match="not valid JSON"):
        loads("9" * 5000)


def test_the_bound_of_nesting_is_exact() -> None:
    assert loads("[" * MAX_NESTING + "]" * MAX_NESTING)
    with pytest.raises(StrictJsonError, match=f"nested deeper than {MAX_NESTING}"):
        loads("[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1))


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_nesting_bomb_is_refused_and_not_a_crash(depth: int, opening: str, closing: str) -> None:
    with pytest.raises(StrictJsonError):
        loads(opening * depth + "1" + closing * depth)


def test_a_wide_value_is_not_deep() -> None:
    assert loads("[" + ",".join(["[]"] * 500) + "]") == [[]] * 500
