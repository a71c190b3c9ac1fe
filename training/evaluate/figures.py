"""One model's part of the report: every metric with its interval, by slice, and what went wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from training.evaluate.gate import Gate
from training.evaluate.matching import Matched
from training.evaluate.metrics import Metric, classes_of, metrics_for
from training.evaluate.observe import Observation
from training.evaluate.ports import Party
from training.evaluate.records import (
    LATENCY_STEPS,
    Classification,
    F1Row,
    Figure,
    ModelReport,
    SliceRow,
)
from training.evaluate.report import model_report, rate_row, slice_row
from training.evaluate.score import wilson
from training.evaluate.spec import ALL

Observations = Sequence[Observation]
_MIN_SLICE_RECORDS: Final = 5
"""Fewer say nothing about a part of the data."""


def party_report(gate: Gate, role: str, party: Party, observed: Observations) -> ModelReport:
    """The figures of one model; those of all rows leave out what a suite has perturbed."""
    golden = [one for one in observed if not one.row.suite]
    answers = [one.answer for one in golden]
    report = model_report(
        party.judged.model,
        party.through,
        examples=[one.row for one in golden],
        answers=answers,
        scores=[one.score for one in golden],
    )
    answerable = [one for one in golden if not one.row.refuse]
    costs = [one.cost_usd for one in observed if one.cost_usd is not None]
    counts = Counter(name for one in observed for name in gate.slices_of(one))
    slices = sorted(name for name, count in counts.items() if count >= _MIN_SLICE_RECORDS)
    return report.model_copy(
        update={
            "role": role,
            "judged": party.judged,
            "fields_normalised": _matched_row(answerable),
            "normalised_by_field": _matched_by_field(answerable),
            "schema_valid": rate_row(wilson(sum(one.is_first_valid for one in answerable), len(answerable))),
            "classification": _classification(answerable),
            "figures": _figures(gate, ALL, observed),
            "by_slice": {name: _slice(gate, name, observed) for name in slices},
            "latency_curve": _curve([one.answer.latency_seconds for one in golden if not one.is_lost]),
            "cost_usd": sum(costs) if costs else None,
            "outcomes": dict(Counter(one.outcome for one in answers if one.outcome)),
        }
    )


def _figures(gate: Gate, slice_name: str, observed: Observations) -> dict[str, Figure]:
    """By metric; those of one field or class stand on all rows alone."""
    figures = {}
    for metric in metrics_for(observed):
        if slice_name != ALL and metric.kind.per:
            continue
        given = [observed[at] for at in gate.selected(metric, slice_name, observed)]
        figure = _figure(gate, metric, given)
        if figure is not None:
            figures[metric.name] = figure
    return figures


def _figure(gate: Gate, metric: Metric, given: Observations) -> Figure | None:
    """A metric's value with its interval; None where it was not asked for."""
    found = gate.estimate(metric, given)
    if math.isnan(found.value):
        return None
    value, low, high = (
        float(one) if math.isfinite(one) else None for one in (found.value, found.low, found.high)
    )
    return Figure(value=value, low=low, high=high, records=len(given))


def _slice(gate: Gate, name: str, observed: Observations) -> SliceRow:
    scores = [one.score for one in observed if name in gate.slices_of(one)]
    return slice_row(scores).model_copy(update={"figures": _figures(gate, name, observed)})


def _matched_row(given: Observations) -> F1Row:
    return _f1_row(sum((part for one in given for part in one.score.matched.values()), Matched()))


def _matched_by_field(given: Observations) -> dict[str, F1Row]:
    totals: dict[str, Matched] = {}
    for one in given:
        for name in one.score.fields:
            totals[name] = totals.get(name, Matched()) + one.score.matched.get(name, Matched())
    return {name: _f1_row(total) for name, total in totals.items()}


def _classification(given: Observations) -> Classification | None:
    labelled = [one for one in given if one.gold_label is not None]
    if not labelled:
        return None
    pairs = Counter((one.gold_label or "", one.label) for one in labelled)
    classes, confusion = {}, {}
    for name in classes_of(labelled):
        both = pairs[name, name]
        gold = sum(count for (wanted, _), count in pairs.items() if wanted == name)
        answered = sum(count for (_, answer), count in pairs.items() if answer == name)
        classes[name] = _f1_row(Matched(both, answered - both, gold - both))
        row = {answer: count for (wanted, answer), count in sorted(pairs.items()) if wanted == name}
        if row:
            confusion[name] = row
    return Classification(classes=classes, confusion=confusion)


def _f1_row(total: Matched) -> F1Row:
    both, answered, gold = total.both, total.both + total.answer_only, total.both + total.gold_only
    return F1Row(
        true_positives=both,
        false_positives=total.answer_only,
        false_negatives=total.gold_only,
        precision=both / answered if answered else None,
        recall=both / gold if gold else None,
        f1=2 * both / (answered + gold) if answered + gold else None,
    )


def _curve(seconds: Sequence[float]) -> tuple[float, ...]:
    if not seconds:
        return ()
    return tuple(round(float(one), 4) for one in np.percentile(seconds, LATENCY_STEPS))
