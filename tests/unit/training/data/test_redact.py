"""Personal data is replaced in text and output alike, or the row goes."""

from __future__ import annotations

from typing import Any

from contracts.output import ChoiceOutput, JsonSchemaOutput, OutputContract, TextOutput
from tests.unit.training.data.conftest import PatternFinder
from training.data.pipeline.redact import Redactor
from training.data.pipeline.rows import Rejected, Row
from training.data.pipeline.spec import Handling

OBJECT = JsonSchemaOutput(
    kind="json_schema",
    schema={
        "type": "object",
        "properties": {"mail": {"type": "string"}, "card": {}, "ok": {"maxLength": 30}},
    },
)
REDACT = {"EMAIL_ADDRESS": Handling.REDACT, "CREDIT_CARD": Handling.REDACT}


def _redactor(contract: OutputContract = OBJECT, **handling: Handling) -> Redactor:
    return Redactor(PatternFinder(), {**REDACT, **handling}, contract)


def _handled(row: Row, redactor: Redactor | None = None) -> Row:
    handled = (redactor or _redactor()).handle(row)
    assert isinstance(handled, Row), handled
    return handled


def _row(text: str, output: Any, **fields: Any) -> Row:
    return Row(id=fields.pop("id", "r"), text=text, output=output, **fields)


def test_a_value_has_one_placeholder_in_text_and_output() -> None:
    row = _handled(_row("From a@x.org to B@y.org, cc A@x.org", {"mail": "B@Y.ORG", "others": ["a@x.org"]}))
    assert row.text == "From <EMAIL_1> to <EMAIL_2>, cc <EMAIL_1>"
    assert row.output == {"mail": "<EMAIL_2>", "others": ["<EMAIL_1>"]}


def test_a_value_within_a_longer_string_and_in_the_worse_answer_is_replaced_too() -> None:
    row = _handled(
        _row("Mail a@x.org", "Write to a@x.org today", rejected_output="a@x.org?"), _redactor(TextOutput())
    )
    assert (row.output, row.rejected_output) == ("Write to <EMAIL_1> today", "<EMAIL_1>?")


def test_a_value_of_the_output_alone_is_replaced() -> None:
    assert _handled(_row("Hello", {"mail": "c@z.org"})).output == {"mail": "<EMAIL_1>"}


def test_numbering_goes_on_after_placeholders_that_the_text_has() -> None:
    assert _handled(_row("<EMAIL_3> and a@x.org", {})).text == "<EMAIL_3> and <EMAIL_4>"


def test_a_label_is_never_rewritten() -> None:
    contract = ChoiceOutput(kind="choice", choices=("a@x.org",))
    assert _handled(_row("Mail a@x.org", "a@x.org"), _redactor(contract)).output == "a@x.org"


def test_a_number_of_the_output_cannot_become_a_placeholder() -> None:
    rejected = _redactor().handle(_row("Card 4111111111111111", {"card": 4111111111111111}))
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "personal_data_in_number"


def test_a_type_to_be_rejected_takes_its_row_along() -> None:
    redactor = _redactor(CREDIT_CARD=Handling.REJECT)
    rejected = redactor.handle(_row("Card 4111111111111111", {}))
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.detail) == ("personal_data", "it holds CREDIT_CARD")
    assert "4111" not in str(redactor.cleaned(rejected.content))


def test_a_type_to_be_kept_stays_and_is_counted() -> None:
    redactor = _redactor(EMAIL_ADDRESS=Handling.KEEP)
    row = _row("Mail a@x.org", {"mail": "a@x.org"})
    assert redactor.handle(row) == row
    assert redactor.found["EMAIL_ADDRESS"] == 2
    assert redactor.redacted_rows == 0


def test_an_output_that_cannot_hold_a_placeholder_takes_its_row_along() -> None:
    contract = JsonSchemaOutput(
        kind="json_schema", schema={"type": "object", "properties": {"m": {"pattern": "@"}}}
    )
    rejected = _redactor(contract).handle(_row("Mail a@x.org", {"m": "a@x.org"}))
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "redaction_breaks_contract"


def test_labels_that_name_a_person_become_equal_hashes() -> None:
    first, second = (_handled(_row("x", {}, group="a@x.org", id=str(n))) for n in range(2))
    assert first.group == second.group
    assert first.group.startswith("x-")
    assert "@" not in first.group


def test_a_finished_row_is_looked_at_again() -> None:
    redactor = _redactor()
    assert not redactor.is_against_policy(_handled(_row("Mail a@x.org", {"mail": "a@x.org"}), redactor))
    assert redactor.is_against_policy(_row("<EMAIL_1> and b@y.org", {}))


def test_the_output_of_a_general_example_is_looked_at_too() -> None:
    redactor = _redactor(ChoiceOutput(kind="choice", choices=("b@y.org",)))
    general = _row("<EMAIL_1>", "b@y.org", source="replay")
    assert redactor.is_against_policy(general)
    assert not redactor.is_against_policy(_row("<EMAIL_1>", "b@y.org"))


def test_a_golden_row_is_changed_like_the_rows_it_is_compared_with() -> None:
    redactor = _redactor(CREDIT_CARD=Handling.REJECT)
    golden = redactor.comparable(_row("Mail a@x.org, card 4111111111111111", {"mail": "a@x.org"}))
    assert golden.text == "Mail <EMAIL_1>, card 4111111111111111"
    assert not redactor.found
