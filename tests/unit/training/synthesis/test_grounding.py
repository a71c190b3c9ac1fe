"""Grounding: a value counts as given in whatever notation the text writes it, and never by chance."""

from __future__ import annotations

import pytest

from training.data.synthesis.grounding import Text, ungrounded

TEXT = (
    "Invoice A-1029, issued Jan 14th, 2026 by ACME  Supplies GmbH. Total: USD 1,248.50 (19 % tax). "
    "Paid 1 348,75 on 3 août 2024; two boxes, 2.5k sheets, due 31.12.2025 at 2:30 pm. 12,34,567.00 in all"
)


@pytest.mark.parametrize(
    "value",
    [
        "A-1029",
        "a 1029",
        "A1029",
        "Acme Supplies",
        "acme supplies gmbh",
        "2026-01-14",
        "2024-08-03",
        "2025-12-31",
        "2025-12-31T14:30:00Z",
        "1248.50",
        1248.5,
        -1248.5,
        0.19,
        19,
        2,
        2500,
        1348.75,
        1234567,
    ],
)
def test_what_the_text_says_is_found(value: object) -> None:
    assert ungrounded({"v": value}, True, TEXT) == ()


@pytest.mark.parametrize(
    "value",
    [
        "A-102",
        "cme Supplies",
        "Acme Supply",
        "2026-01-15",
        "2026-14-01",
        "2025-12-31T15:30:00Z",
        248.5,
        1248,
        7,
        99,
        "248.50",
    ],
)
def test_what_the_text_does_not_say_is_not_found(value: object) -> None:
    assert ungrounded({"v": value}, True, TEXT) == ("/v",)


def test_nothing_has_to_be_found_for_null_booleans_empty_texts_and_labels_of_the_schema() -> None:
    schema = {
        "$defs": {"kind": {"enum": ["invoice", "receipt"]}},
        "properties": {
            "kind": {"$ref": "#/$defs/kind"},
            "currency": {"anyOf": [{"type": "null"}, {"const": "EUR"}]},
        },
    }
    output = {"kind": "receipt", "currency": "EUR", "paid": True, "note": "", "vendor": None}
    assert ungrounded(output, schema, "a page") == ()
    assert ungrounded({"kind": "letter"}, schema, "a page") == ("/kind",)


def test_places_inside_arrays_are_named_and_can_be_exempt() -> None:
    output = {"lines": [{"name": "Lamp", "a/b": "Desk"}, {"name": "Chair"}]}
    assert ungrounded(output, True, "one lamp") == ("/lines/0/a~1b", "/lines/1/name")
    assert ungrounded(output, True, "one lamp", ["/lines/*/name"]) == ("/lines/0/a~1b",)
    assert ungrounded(output, True, "nothing", ["/lines"]) == ()


def test_a_text_without_spaces_between_words_is_searched_by_character() -> None:
    assert Text("合計は東京商店です").has_words("東京商店")
    assert not Text("合計は東京商店です").has_words("大阪商店")


def test_a_value_of_signs_alone_is_searched_as_it_is() -> None:
    assert Text("grade: ++").has_words("++")
    assert not Text("grade: +").has_words("++")


def test_a_year_must_be_there_for_a_date() -> None:
    assert ungrounded({"d": "2026-01-14"}, True, "on Jan 14") == ("/d",)
