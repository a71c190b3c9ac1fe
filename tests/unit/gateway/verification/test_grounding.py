"""Places of an answer whose values must stand in the input."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.verification import Grounding
from gateway.intake.violation import Violation, ViolationKind
from gateway.verification import SourceIndex, load_languages, ungrounded
from gateway.verification.grounding import MAX_SOURCE_CHARS, MAX_VALUES, MAX_VIOLATIONS

SOURCE = """Rechnung RE-2026/0042 vom 14. Januar 2026
Acme Handels GmbH
2 Stühle  1.248,50 EUR
USt 19 %  237,22 EUR
Gesamt 1.485,72 EUR"""


def places(output: Any, *pointers: str, text: str = SOURCE) -> list[str]:
    found = ungrounded(Grounding(pointers=pointers or ("",)), output, SourceIndex(text))
    return [violation.pointer for violation in found]


def test_a_value_that_is_not_there_is_a_violation_at_its_place() -> None:
    grounding = Grounding(pointers=("/total",))
    assert ungrounded(grounding, {"total": 1485.73}, SourceIndex(SOURCE)) == (
        Violation(
            "/total", "the value at /total does not occur in the input", ViolationKind.GROUNDING, "grounding"
        ),
    )


@pytest.mark.parametrize(
    "value",
    [
        "RE-2026/0042",
        "acme handels gmbh",
        "2026-01-14",
        "14. Januar 2026",
        1485.72,
        "1485.72",
        1248.5,
        2,
        19,
        0.19,
        None,
        "",
        True,
        False,
        [],
        {},
    ],
)
def test_a_value_that_is_there_is_grounded(value: Any) -> None:
    assert places({"a": value}, "/a") == []


@pytest.mark.parametrize(
    "value",
    [
        "RE-2026",
        "RE-2026/004",
        "Acme GmbH",
        "2026-01-15",
        "2026-02-30",
        "485.72",
        "1485.71",
        485.72,
        -1485.72,
        3,
        1e300,
    ],
)
def test_a_value_that_is_not_there_is_not_grounded(value: Any) -> None:
    expected = [] if value == "RE-2026" else ["/a"]  # words that begin a longer number are still words
    assert places({"a": value}, "/a") == expected


def test_a_star_stands_for_every_item() -> None:
    lines = [{"amount": 1248.5}, {"amount": 1}, {"amount": None}, {}, {"amount": 7}]
    assert places({"lines": lines}, "/lines/*/amount") == ["/lines/1/amount", "/lines/4/amount"]


def test_an_index_and_an_escaped_key_are_followed() -> None:
    assert places({"a/b": {"~": [1, 3]}}, "/a~1b/~0/1") == ["/a~1b/~0/1"]


def test_a_star_in_an_object_is_a_key() -> None:
    assert places({"*": 3, "b": 3}, "/*") == ["/*"]


@pytest.mark.parametrize("pointer", ["/b", "/a/b", "/a/0", "/l/9", "/l/x", "/l/-1", "/l/*/x"])
def test_a_place_that_the_answer_lacks_is_passed_over(pointer: str) -> None:
    assert places({"a": "no", "l": ["no"]}, pointer) == []


def test_every_value_inside_a_place_is_checked() -> None:
    assert places({"a": [{"b": "no"}, ["Acme", "nor"]]}, "/a") == ["/a/0/b", "/a/1/1"]
    assert places("no", "") == [""]


def test_dates_are_read_in_the_order_that_is_set() -> None:
    source = SourceIndex("03/04/2026", dates="day_first")
    grounding = Grounding(pointers=("/a",), dates="day_first")
    assert ungrounded(grounding, {"a": "2026-04-03"}, source) == ()
    assert ungrounded(grounding, {"a": "2026-03-04"}, source) != ()


def test_the_violations_are_bounded() -> None:
    assert len(places(["no"] * 100, "/*")) == MAX_VIOLATIONS


def test_too_many_values_are_no_pass() -> None:
    found = ungrounded(Grounding(pointers=("/*",)), [2] * (MAX_VALUES + 1), SourceIndex(SOURCE))
    assert [violation.message for violation in found] == [
        "over 2000 values would have to be found in the input"
    ]
    assert places([2] * MAX_VALUES, "/*") == []


def test_only_the_first_part_of_a_long_input_is_read() -> None:
    text = "x" * (MAX_SOURCE_CHARS - 4) + " here there"
    assert places(["there"], "/0", text=text) == ["/0"]
    assert places(["xyz here"], "/0", text="xyz here") == []


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="not a value of JSON: bytes"):
        places(b"no", "")


def test_the_languages_can_be_read_beforehand() -> None:
    load_languages(("en",))
