"""Verification of candidates: each reason by itself, and likeness among them."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.output import RegexOutput
from tests.unit.training.synthesis.runs import TASKS
from training.config import load_task
from training.data.examples import Example
from training.data.synthesis.spec import Checks
from training.data.synthesis.verdicts import Candidate, Verifier, drop_alike

TRIAGE = load_task(TASKS / "ticket-triage.yaml")
INVOICE = load_task(TASKS / "invoice-extract.yaml")
GOLD = {"invoice_id": "A-7", "date": "2026-02-03", "vendor": "Kelmont", "total_amount": 12.5}
PAGE = "Kelmont, invoice A-7 of 3 February 2026: EUR 12,50"


def _candidate(text: str, output: Any, **more: Any) -> Candidate:
    return Candidate("id", text, output, "job", **more)


def _reason(candidate: Candidate, task=INVOICE, **checks: Any) -> str:
    rejected = Verifier(task, Checks.model_validate(checks)).rejection(candidate)
    return rejected.reason if rejected else ""


def test_a_grounded_output_passes() -> None:
    assert _reason(_candidate(PAGE, GOLD)) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"vendor": "Kelmount"}, "ungrounded"),
        ({"total_amount": 1250}, "ungrounded"),
        ({"date": "2026-02-30"}, "breaks_contract"),
        ({"more": 1}, "breaks_contract"),
        ({"vendor": "half \ud800"}, "breaks_contract"),
    ],
)
def test_what_the_text_or_the_contract_denies_is_rejected(change: dict[str, Any], reason: str) -> None:
    assert _reason(_candidate(PAGE, {**GOLD, **change})) == reason


def test_grounding_can_be_left_to_some_fields_or_off() -> None:
    wrong = _candidate(PAGE, {**GOLD, "vendor": "Kelmount"})
    assert _reason(wrong, ungrounded=["/vendor"]) == ""
    assert _reason(wrong, grounded="never") == ""


def test_a_label_is_grounded_only_where_that_is_asked() -> None:
    assert _reason(_candidate("They took it twice", "billing"), TRIAGE) == ""
    assert _reason(_candidate("They took it twice", "shipping"), TRIAGE, grounded="always") == ""
    assert _reason(_candidate("They took it twice", "sales"), TRIAGE) == "breaks_contract"


@pytest.mark.parametrize(
    ("checks", "reason"),
    [
        ({"min_text_chars": 60}, "text_length"),
        ({"max_text_chars": 20}, "text_length"),
        ({"max_output_chars": 20}, "output_length"),
    ],
)
def test_lengths_are_bounded(checks: dict[str, int], reason: str) -> None:
    assert _reason(_candidate(PAGE, GOLD), **checks) == reason


def test_a_pattern_holds_for_the_whole_text() -> None:
    task = TRIAGE.model_copy(update={"output": RegexOutput(kind="regex", pattern="[A-Z]{2}")})
    assert _reason(_candidate("a long text", "DE"), task) == ""
    assert _reason(_candidate("a long text", "xDE"), task) == "breaks_contract"


def test_a_text_beside_its_document_is_rejected_where_that_is_asked() -> None:
    near = _candidate(
        "parcels leave the warehouse", "shipping", material="Parcels leave our warehouse at noon"
    )
    far = _candidate("dragons over mountains", "other", material="Parcels leave our warehouse at noon")
    assert _reason(near, TRIAGE, min_document_share=0.5) == ""
    assert _reason(far, TRIAGE, min_document_share=0.5) == "beside_the_document"


def test_copies_and_near_duplicates_are_dropped_and_the_first_stays() -> None:
    shot = Example(id="1", text="My parcel number seven never came to my door", output="shipping")
    texts = [
        "I was charged two times for the premium plan in May",
        "my parcel number seven never came to my  DOOR",
        "I was charged two times for the premium plan in June",
        "The golden question that nobody may train on at all",
        "Something else entirely happened to the router",
    ]
    candidates = [_candidate(text, "billing") for text in texts]
    avoided = {"The golden question that nobody may train on at all!": "golden.jsonl"}
    kept, rejected = drop_alike(candidates, Checks(near_duplicate=0.8), [shot], avoided)
    assert [one.text for one in kept] == [texts[0], texts[4]]
    assert {one.text: one.reason for one in rejected} == {
        texts[1]: "copy_of_a_shot",
        texts[2]: "near_duplicate",
        texts[3]: "resembles_avoided",
    }


def test_without_the_filter_only_equal_texts_are_duplicates() -> None:
    texts = ["I paid twice in May", "I paid twice in June", "i paid  twice in may"]
    kept, rejected = drop_alike(
        [_candidate(text, "billing") for text in texts], Checks(near_duplicate=None), [], {}
    )
    assert [one.text for one in kept] == texts[:2]
    assert [one.reason for one in rejected] == ["near_duplicate"]
