"""An evaluation in the terminal: the verdict by metric, and the figures of each model by slice."""

from __future__ import annotations

from typing import Final

from rich.table import Table

from contracts.evaluation import MetricVerdict, Verdict
from training.evaluate.records import EvaluationReport, Figure

_COLOURS: Final = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCONCLUSIVE: "yellow"}
_BY_SLICE: Final = ("fields_exact", "field_f1", "accuracy", "rouge_l", "safe")
"""Shown for each slice where they apply; the report has all."""


def tables(report: EvaluationReport) -> list[Table]:
    """The gate first, then the figures."""
    return [_gate(report), _figures(report)]


def _gate(report: EvaluationReport) -> Table:
    against = f" against {report.baseline.model}" if report.baseline else ""
    title = f"{report.spec}: {report.candidate.model}{against}, {report.records} records"
    table = Table("metric", "slice", "value", "must hold", "difference", "verdict", "why", title=title)
    for one in report.metrics:
        table.add_row(
            one.metric,
            one.slice,
            _interval(one.value, one.low, one.high),
            _bounds(one),
            _change(one),
            _coloured(one.verdict),
            "" if one.verdict is Verdict.PASS else one.reason,
        )
    table.add_section()
    table.add_row("verdict", "", "", "", "", _coloured(report.verdict), "")
    return table


def _figures(report: EvaluationReport) -> Table:
    table = Table("", *(f"{one.role}\n{one.model}" for one in report.models), title="figures")
    names = list(dict.fromkeys(name for one in report.models for name in one.figures))
    for name in names:
        table.add_row(name, *(_figure(one.figures.get(name)) for one in report.models))
    for part in dict.fromkeys(part for one in report.models for part in one.by_slice):
        rows = [one.by_slice[part].figures if part in one.by_slice else {} for one in report.models]
        for name in _BY_SLICE:
            if any(name in figures for figures in rows):
                table.add_row(f"  {part}: {name}", *(_figure(figures.get(name)) for figures in rows))
    return table


def _figure(figure: Figure | None) -> str:
    return "" if figure is None else _interval(figure.value, figure.low, figure.high)


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "none"
    ends = "" if low is None or high is None else f" ({low:.3g} to {high:.3g})"
    return f"{value:.4g}{ends}"


def _bounds(one: MetricVerdict) -> str:
    said = (
        ("at least", one.minimum),
        ("at most", one.maximum),
        ("loss at most", one.max_regression),
    )
    return ", ".join(f"{words} {bound:g}" for words, bound in said if bound is not None)


def _change(one: MetricVerdict) -> str:
    if one.difference is None or one.difference_low is None or one.difference_high is None:
        return ""
    return f"{one.difference:+.3g} ({one.difference_low:+.3g} to {one.difference_high:+.3g})"


def _coloured(verdict: Verdict) -> str:
    return f"[{_COLOURS[verdict]}]{verdict.value}[/{_COLOURS[verdict]}]"
