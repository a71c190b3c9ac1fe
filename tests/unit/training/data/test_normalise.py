"""One written form for text and outputs, and no output that breaks the contract."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from contracts.output import ChoiceOutput, JsonSchemaOutput, OutputContract, RegexOutput, TextOutput
from training.data.pipeline.normalise import Normaliser, normalised
from training.data.pipeline.rows import Rejected, Row

OBJECT = JsonSchemaOutput(kind="json_schema", schema={"type": "object", "required": ["a"]})
CHOICE = ChoiceOutput(kind="choice", choices=("Billing", "other"))


def _normal(contract: OutputContract, output: Any, text: str = "x", **fields: Any) -> Row | Rejected:
    return Normaliser(contract).normalise(Row(id="1", text=text, output=output, **fields))


def _output(contract: OutputContract, output: Any) -> Any:
    row = _normal(contract, output)
    assert isinstance(row, Row), row
    return row.output


def test_text_is_composed_and_free_of_control_characters() -> None:
    assert normalised("Cafe\u0301\r\nline\x00\u2028end\x1b[0m\ufeff\tx") == "Café\nline\nend[0m\tx"


def test_text_is_trimmed_and_may_not_be_empty() -> None:
    row = _normal(CHOICE, "other", "  a  \n")
    assert isinstance(row, Row)
    assert row.text == "a"
    empty = _normal(CHOICE, "other", " \x00\n ")
    assert isinstance(empty, Rejected)
    assert empty.reason == "no_text"


def test_json_given_as_text_is_parsed_even_in_a_fence() -> None:
    assert _output(OBJECT, '{"a": 1.0}') == {"a": 1.0}
    assert _output(OBJECT, '```json\n{"a": "e\u0301"}\n```') == {"a": "é"}


def test_text_that_the_contract_takes_as_text_is_not_parsed() -> None:
    contract = JsonSchemaOutput(kind="json_schema", schema={"type": "string"})
    assert _output(contract, "12") == "12"
    assert _output(contract, "twelve") == "twelve"


def test_a_label_in_another_case_is_corrected_and_counted() -> None:
    normaliser = Normaliser(CHOICE)
    row = normaliser.normalise(Row(id="1", text="x", output=" billing "))
    assert isinstance(row, Row)
    assert row.output == "Billing"
    assert normaliser.counts["labels corrected in case"] == 1


def test_a_label_that_two_choices_share_but_for_case_is_not_guessed() -> None:
    contract = ChoiceOutput(kind="choice", choices=("US", "us"))
    row = _normal(contract, "Us")
    assert isinstance(row, Rejected)
    assert row.reason == "output_breaks_contract"


def test_white_space_of_a_pattern_is_left_alone() -> None:
    assert _output(RegexOutput(kind="regex", pattern=" *a"), "  a") == "  a"


@pytest.mark.parametrize(
    ("contract", "output", "reason"),
    [
        (OBJECT, "{", "output_no_json"),
        (OBJECT, '{"a": Infinity}', "output_no_json"),
        (OBJECT, {"b": 1}, "output_breaks_contract"),
        (OBJECT, {"a": float("nan")}, "output_no_json"),
        (OBJECT, {"a": datetime.date(2026, 1, 1)}, "output_no_json"),
        (CHOICE, "shipping", "output_breaks_contract"),
        (CHOICE, 3, "output_breaks_contract"),
        (TextOutput(), "  ", "no_output"),
        (TextOutput(), "\ud800", "not_utf8"),
    ],
)
def test_an_output_of_no_use_is_rejected(contract: OutputContract, output: Any, reason: str) -> None:
    row = _normal(contract, output)
    assert isinstance(row, Rejected)
    assert row.reason == reason


def test_the_worse_answer_of_a_pair_may_break_the_contract_but_not_equal_the_better() -> None:
    row = _normal(OBJECT, {"a": 1}, rejected_output='{"b": 2}')
    assert isinstance(row, Row)
    assert row.rejected_output == {"b": 2}
    broken = _normal(OBJECT, {"a": 1}, rejected_output="{broken")
    assert isinstance(broken, Row)
    assert broken.rejected_output == "{broken"
    same = _normal(OBJECT, {"a": 1}, rejected_output='{"a": 1}')
    assert isinstance(same, Rejected)
    assert same.reason == "pair_without_difference"


def test_labels_are_one_line_without_control_characters() -> None:
    row = _normal(CHOICE, "other", group="a\n\x07 b")
    assert isinstance(row, Row)
    assert row.group == "a b"
