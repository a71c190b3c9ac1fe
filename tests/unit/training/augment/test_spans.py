from __future__ import annotations

import pytest

from training.data.augment.spans import find_value
from training.spans import Span, replace_spans


def found(value: str, text: str) -> list[str]:
    return [text[span.start : span.end] for span in find_value(value, text)]


def test_a_value_is_found_across_lines_case_and_punctuation() -> None:
    text = "Sunny Corner\n12, jalan  melur\n4 ; 47100 PUCHONG"
    assert found("12 Jalan Melur 4, 47100 Puchong", text) == ["12, jalan  melur\n4 ; 47100 PUCHONG"]


@pytest.mark.parametrize("text", ["19.00", "9.005", "9.00.1", "3,9.00", "x9.007"])
def test_an_amount_inside_of_another_number_is_not_found(text: str) -> None:
    assert found("9.00", text) == []


@pytest.mark.parametrize("text", ["RM9.00", "9.00", "9.00.", "(9.00)", "9.00\n1.00", "9.00, 3"])
def test_an_amount_beside_letters_or_a_full_stop_is_found(text: str) -> None:
    assert found("9.00", text) == ["9.00"]


def test_a_word_inside_of_another_word_is_not_found() -> None:
    assert found("art", "smart cart art") == ["art"]


def test_every_place_is_found() -> None:
    assert find_value("7.90", "7.90\nTOTAL 7.90") == [Span(0, 4), Span(11, 15)]


def test_a_value_without_letters_and_digits_is_nowhere() -> None:
    assert find_value("---", "a --- b") == []


def test_spans_are_replaced_in_their_places_and_overlaps_once() -> None:
    spans = [(Span(2, 4), "X"), (Span(0, 1), "YY"), (Span(3, 5), "Z")]
    assert replace_spans("abcdef", spans) == "YYbXef"
