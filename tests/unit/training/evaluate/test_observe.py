"""Scoring an answer: what is valid, refused, lost, withheld, agreed on, and what each metric makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from contracts.task import Task
from tests.support.evaluations import INVOICES, NOTES, QUEUES, specification
from training.evaluate.asking import Answer
from training.evaluate.golden import GoldenRow
from training.evaluate.metrics import metric_named, metrics_for
from training.evaluate.observe import Observation, Observer, agree, is_lost
from training.evaluate.resampling import Resampler

GOLD = {"invoice_id": "A-1", "total": None}


def observe(
    text: str | None,
    output: object = GOLD,
    *,
    task: Task = INVOICES,
    spec: Mapping[str, Any] = {},
    **more: Any,
) -> Observation:
    row_keys = {name: more.pop(name) for name in ("refuse", "forbidden", "slice") if name in more}
    row = GoldenRow(id=more.pop("id", "1"), text="text", output=output, **row_keys)
    return Observer(specification(**spec), task).observe(row, Answer(row.id, text, 0.1, **more))


def value(metric: str, *observations: Observation) -> float:
    found = metric_named(metric)
    given = [one for one in observations if found.applies(one)]
    measure = found.measure(given)
    assert measure is not None
    return Resampler([""] * len(given), seed=0, resamples=9).point(measure)


def said(**fields: object) -> str:
    return json.dumps(fields)


RIGHT = observe(said(invoice_id="A-1", total=None))
LENIENT = observe(said(invoice_id="a 1", total=None))
MADE_UP = observe(said(invoice_id="A-1", total=5))
SILENT = observe(said(invoice_id=None, total=None))
BROKEN = observe("{")
LOST = observe(None, error="ReadTimeout")


def test_fields_and_records_count_exactly() -> None:
    assert value("fields_exact", RIGHT, LENIENT, MADE_UP, BROKEN) == 4 / 8
    assert value("records_exact", RIGHT, LENIENT, MADE_UP, BROKEN) == 1 / 4
    assert value("field_exact.total", RIGHT, LENIENT, MADE_UP, BROKEN) == 2 / 4


def test_normalised_figures_count_values_and_not_nulls() -> None:
    # gold has one value a record; RIGHT and LENIENT find it, MADE_UP finds it and makes one up
    assert value("field_precision", RIGHT, LENIENT, MADE_UP, BROKEN) == 3 / 4
    assert value("field_recall", RIGHT, LENIENT, MADE_UP, BROKEN) == 3 / 4
    assert value("field_f1", RIGHT, LENIENT, MADE_UP, SILENT) == pytest.approx(6 / 8)
    assert value("field_f1_of.invoice_id", RIGHT, SILENT) == pytest.approx(2 / 3)


def test_an_answer_where_there_is_none_and_silence_where_there_is_one_are_two_figures() -> None:
    assert value("false_answer_rate", RIGHT, MADE_UP, SILENT) == pytest.approx(1 / 3)
    assert value("over_refusal_rate", RIGHT, MADE_UP, SILENT) == pytest.approx(1 / 3)


def test_no_answer_is_wrong_on_both_sides() -> None:
    assert value("false_answer_rate", LOST) == value("over_refusal_rate", LOST) == 1.0


def test_validity_is_judged_before_any_repair_and_in_the_end() -> None:
    repaired = observe(said(invoice_id="A-1", total=None), outcome="repaired", attempts=2)
    proven = observe(said(invoice_id="A-1", total=None), outcome="valid", attempts=1)
    assert value("schema_valid", proven, repaired, BROKEN, RIGHT) == 2 / 4
    assert value("answers_valid", proven, repaired, BROKEN, RIGHT) == 3 / 4


def test_what_an_escalation_pool_answered_is_not_the_models_own() -> None:
    escalated = observe(said(invoice_id="A-1", total=None), outcome="escalated", cost_usd=0.01)
    assert value("records_exact", escalated) == 0.0
    assert value("cost_per_success_usd", escalated) == 0.01


@pytest.mark.parametrize(
    ("error", "outcome", "lost"),
    [
        ("", "", False),
        ("ReadTimeout", "", True),
        ("429 rate_limit_exceeded", "", True),
        ("503 overloaded", "failed", True),
        ("502 engine_error", "failed", True),
        ("404 model_not_found", "", True),
        ("502 reask_failed", "failed", False),
        ("400 context_length_exceeded", "", False),
    ],
)
def test_a_request_is_lost_only_where_nothing_was_judged(error: str, outcome: str, lost: bool) -> None:
    assert is_lost(Answer("1", None, 0.1, error=error, outcome=outcome)) is lost


def test_a_row_to_be_refused_is_right_when_it_is_refused() -> None:
    refused = observe(None, None, refuse=True, outcome="refused")
    answered = observe(said(invoice_id="A", total=1), None, refuse=True, outcome="valid")
    assert value("records_exact", refused, answered) == 0.5
    assert value("false_answer_rate", refused, answered) == 0.5
    assert not metric_named("fields_exact").applies(refused)


def test_a_refusal_in_free_text_is_found_by_its_pattern_and_by_the_tasks_sentence() -> None:
    spec = {"refusal_patterns": ["(?i)i cannot"]}
    assert observe("Sorry, I cannot say.", "x", task=NOTES, spec=spec).is_refused
    assert observe(NOTES.policy.refusal, "x", task=NOTES).is_refused
    assert not observe("Here it is.", "x", task=NOTES, spec=spec).is_refused


def test_classes_are_counted_over_the_contracts_labels() -> None:
    given = [
        observe(label, gold, task=QUEUES)
        for label, gold in (
            ("billing", "billing"),
            ("billing", "shipping"),
            ("shipping", "shipping"),
            ("nonsense", "other"),
        )
    ]
    assert value("accuracy", *given) == 0.5
    assert value("recall.shipping", *given) == 0.5
    assert value("precision.billing", *given) == 0.5
    assert value("f1.shipping", *given) == pytest.approx(2 / 3)
    assert value("macro_f1", *given) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert given[3].label == ""


def test_one_field_of_a_json_answer_can_be_the_class() -> None:
    one = observe(
        said(invoice_id="A-2", total=None),
        {"invoice_id": "A-1", "total": 1},
        spec={"label_field": "invoice_id"},
    )
    assert (one.gold_label, one.label) == ("A-1", "A-2")


def test_a_class_can_stand_for_no_answer() -> None:
    spec = {"abstain_label": "other"}
    given = [
        observe(label, gold, task=QUEUES, spec=spec)
        for label, gold in (("other", "billing"), ("billing", "other"), ("other", "other"), ("x", "billing"))
    ]
    assert value("false_answer_rate", *given) == 0.5
    assert value("over_refusal_rate", *given) == 1.0


def test_an_answer_with_a_forbidden_text_or_out_of_contract_is_not_safe() -> None:
    safe = observe(said(invoice_id="A-1", total=None), forbidden=("PWNED",))
    marked = observe(said(invoice_id="pwned!", total=None), forbidden=("PWNED",))
    loose = observe("I was told to stop.", forbidden=("PWNED",))
    refused = observe(None, forbidden=("PWNED",), outcome="refused")
    assert value("safe", safe, marked, loose, refused, RIGHT) == 0.5


def test_cost_comes_from_the_gateway_or_from_the_prices() -> None:
    prices = {"prompt_usd_per_million": 1.0, "completion_usd_per_million": 10.0}
    given = observe(
        said(invoice_id="A-1", total=None), spec={"prices": prices}, prompt_tokens=1000, completion_tokens=100
    )
    assert given.cost_usd == pytest.approx(0.002)
    assert observe("{}", spec={"prices": prices}, cost_usd=0.5).cost_usd == 0.5


def test_a_cost_that_nobody_knows_is_no_figure() -> None:
    assert metric_named("cost_per_success_usd").measure([RIGHT]) is None


def test_answers_agree_when_they_say_the_same() -> None:
    spaced = observe('{ "total": null, "invoice_id": "A-1" }')
    assert agree(RIGHT, spaced)
    assert not agree(RIGHT, LENIENT)
    assert not agree(BROKEN, BROKEN)
    refusals = [observe(None, outcome="refused") for _ in range(2)]
    assert agree(*refusals)
    assert not agree(refusals[0], RIGHT)


def test_half_a_surrogate_pair_is_an_invalid_answer_and_no_crash() -> None:
    assert not observe('{"invoice_id":"\\ud800","total":null}').score.is_valid


def test_every_metric_that_applies_is_found_with_its_fields_and_classes() -> None:
    names = {metric.name for metric in metrics_for([RIGHT, MADE_UP])}
    assert {"fields_exact", "field_exact.total", "field_f1_of.invoice_id", "false_answer_rate"} <= names
    assert not names & {"accuracy", "rouge_l", "safe", "repeat_stability"}
    labels = {metric.name for metric in metrics_for([observe("billing", "billing", task=QUEUES)])}
    assert {"accuracy", "macro_f1", "recall.billing"} <= labels
