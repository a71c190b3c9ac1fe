"""An evaluation's report as one HTML file: no script, no network, the same bytes for the same report."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contracts.evaluation import MetricVerdict
from training.evaluate import html_text
from training.evaluate.html_plots import Axis, Curve, Mark, Row, axis_over, curve_plot, interval_plot
from training.evaluate.records import (
    LATENCY_STEPS,
    EvaluationReport,
    MeasuredReport,
    Mistake,
    ModelReport,
    RateRow,
)
from training.evaluate.score import same_value

MAX_ROWS: Final = 60
"""Rows of one plot; a contract may have hundreds of fields."""
MAX_CLASSES: Final = 25
MAX_SHOWN_MISTAKES: Final = 40
RateOf = Callable[[ModelReport, str], RateRow | None]
_LOOKS: Final = ("candidate", "baseline", "third", "fourth")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the confusion matrix; `share` is of its row."""

    count: int
    share: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a mistake."""

    name: str
    expected: str
    got: str
    is_right: bool


def render(report: EvaluationReport | MeasuredReport) -> str:
    """The whole page. Everything in the report is taken for hostile text, and escaped."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            verdict=report.verdict.value if isinstance(report, EvaluationReport) else None,
            looks=_LOOKS,
            forest=_forest(report) if isinstance(report, EvaluationReport) else None,
            relative=_forest(report, is_relative=True) if isinstance(report, EvaluationReport) else None,
            fields=_rates(report.models, {name: name for name in _field_names(report.models)}, _field_rate),
            slices=_rates(report.models, _slice_names(report.models), _slice_rate),
            latency=_latency(report.models),
            matrices=[(model, *_matrix(model)) for model in report.models if model.classification],
            parts=_parts,
            max_mistakes=MAX_SHOWN_MISTAKES,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("training.evaluate", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": html_text.visible,
        "written": html_text.written,
        "percent": html_text.percent,
        "seconds": html_text.seconds,
        "gain": html_text.gain,
        "bound": html_text.bound,
        "explained": html_text.explained,
        "moment": html_text.moment,
    }
    environment.globals |= {
        "amount": html_text.amount,
        "between": html_text.between,
        "counts": html_text.counts,
    }
    return environment


def _forest(report: EvaluationReport, *, is_relative: bool = False) -> Markup | None:
    """Differences to the baseline with intervals, turned so that the right is better."""
    rows = [
        row
        for verdict in report.metrics
        if verdict.is_relative is is_relative
        for row in _difference(verdict)
    ]
    if not rows:
        return None
    reach = [value for row in rows for mark in row.marks for value in (mark.low, mark.high)]
    limits = [row.limit for row in rows if row.limit is not None]
    axis = axis_over([*reach, *limits], html_text.gain, zero=0.0)
    unit = "% of the baseline" if is_relative else "points"
    caption = f"← worse     candidate against baseline, {unit}     better →"
    shown = Axis(axis.low, axis.high, axis.written, axis.zero, caption)
    return interval_plot(rows[:MAX_ROWS], shown, f"Differences to the baseline with intervals, in {unit}")


def _difference(row: MetricVerdict) -> Iterator[Row]:
    if row.difference is None or row.difference_low is None or row.difference_high is None:
        return
    value, low, high = row.difference, row.difference_low, row.difference_high
    if not all(map(math.isfinite, (value, low, high))):
        return
    if not row.higher_is_better:
        value, low, high = -value, -high, -low
    text = f"{html_text.gain(value)} ({html_text.gain(low)} to {html_text.gain(high)})"
    label = f"{row.metric} · {row.slice}" if row.slice else row.metric
    limit = None if row.max_regression is None else -row.max_regression
    yield Row(html_text.visible(label), (Mark(value, low, high, row.verdict.value, text),), limit)


def _rates(models: Sequence[ModelReport], labels: dict[str, str], rate_of: RateOf) -> Markup | None:
    """One row a label, one mark a model."""
    rows = []
    for name, label in list(labels.items())[:MAX_ROWS]:
        rates = [(look, rate_of(model, name)) for look, model in zip(_LOOKS, models, strict=False)]
        marks = tuple(_rate_mark(rate, look) for look, rate in rates if rate is not None and rate.total)
        rows += [Row(html_text.visible(label), marks)] if marks else []
    if not rows:
        return None
    ends = [end for row in rows for mark in row.marks for end in (mark.low, mark.high)]
    return interval_plot(
        rows, axis_over(ends, html_text.percent), "Share of fields exactly right, with intervals"
    )


def _rate_mark(rate: RateRow, look: str) -> Mark:
    return Mark(rate.rate, rate.low, rate.high, look, f"{html_text.percent(rate.rate)} of {rate.total}")


def _field_names(models: Sequence[ModelReport]) -> list[str]:
    return list(dict.fromkeys(name for model in models for name in model.by_field))


def _slice_names(models: Sequence[ModelReport]) -> dict[str, str]:
    rows = {name: row.records for model in models for name, row in model.by_slice.items()}
    return {name: f"{name} ({records})" for name, records in rows.items()}


def _field_rate(model: ModelReport, name: str) -> RateRow | None:
    return model.by_field.get(name)


def _slice_rate(model: ModelReport, name: str) -> RateRow | None:
    row = model.by_slice.get(name)
    return row.fields_exact if row else None


def _latency(models: Sequence[ModelReport]) -> Markup | None:
    """What share of the requests was answered in which time; the slowest 5 % may lie beyond the axis."""
    curves = [
        Curve(html_text.visible(model.role or model.model), look, _curve(model))
        for look, model in zip(_LOOKS, models, strict=False)
        if len(model.latency_curve) == len(LATENCY_STEPS)
    ]
    if not curves:
        return None
    longest = max(curve.points[-2][0] for curve in curves) * 1.25
    return curve_plot(curves, Axis(0.0, longest or 1.0, html_text.seconds), "Share of answers by latency")


def _curve(model: ModelReport) -> list[tuple[float, float]]:
    return [(value, step / 100) for value, step in zip(model.latency_curve, LATENCY_STEPS, strict=True)]


def _matrix(model: ModelReport) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """Columns, and rows with their cells; the most frequent classes where there are too many."""
    confusion = model.classification.confusion if model.classification else {}
    totals = {gold: sum(answers.values()) for gold, answers in confusion.items()}
    for answers in confusion.values():
        for name in answers:
            totals.setdefault(name, 0)
    names = sorted(
        sorted(totals, key=lambda name: (-totals[name], name))[:MAX_CLASSES],
        key=lambda name: (not name, name),
    )
    rows = []
    for gold in names:
        if not totals[gold]:
            continue
        counts = [confusion[gold].get(name, 0) for name in names]
        cells = [
            Cell(count, round(count / totals[gold], 3), name == gold)
            for count, name in zip(counts, names, strict=True)
        ]
        rows.append((gold, cells))
    return names, rows


def _parts(mistake: Mistake) -> list[Part] | None:
    """The fields of a mistake side by side; None where expectation or answer is no JSON object."""
    if not isinstance(mistake.expected, dict):
        return None
    try:
        got = json.loads(mistake.got or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(got, dict):
        return None
    names = [*mistake.expected, *(name for name in got if name not in mistake.expected)]
    return [
        Part(
            name,
            html_text.written(mistake.expected[name]) if name in mistake.expected else html_text.NOTHING,
            html_text.written(got[name]) if name in got else html_text.NOTHING,
            name in got and name in mistake.expected and same_value(mistake.expected[name], got[name]),
        )
        for name in names
    ]
