"""The report of a comparison, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic import Field

from contracts.task import Task
from training.candidates.advice import Advice, Pair, advise
from training.candidates.asking import Material, arms_of
from training.candidates.figures import ArmFigures, Estimate, Record, Share, figures_of
from training.candidates.outcomes import OutcomeReader
from training.candidates.spec import BenchSpec
from training.data.synthesis.wire import Reply


class BenchReport(Record):
    """One comparison. `latency_conditions` says how the times were taken."""

    schema_version: int = Field(default=1, ge=1, le=1)
    task: str
    task_version: str
    rows: int
    rows_sha256: str
    examples_sha256: str
    seed: int
    concurrency: int
    warm_up: int
    target: float
    created_at: datetime
    latency_conditions: str
    arms: tuple[ArmFigures, ...]
    advice: Advice


def bench_report(
    spec: BenchSpec, task: Task, material: Material, replies: Mapping[str, Sequence[Reply]]
) -> BenchReport:
    """Score every reply, compute every arm's figures and weigh them."""
    reader = OutcomeReader(task)
    outcomes = {
        arm.label: [
            reader.read(row, reply, arm.candidate)
            for row, reply in zip(material.rows, replies[arm.label], strict=True)
        ]
        for arm in arms_of(spec)
    }
    figures = tuple(figures_of(arm, outcomes[arm.label], spec.seed) for arm in arms_of(spec))
    return BenchReport(
        task=task.name,
        task_version=task.version,
        rows=len(material.rows),
        rows_sha256=material.rows_sha256,
        examples_sha256=material.shown_sha256,
        seed=spec.seed,
        concurrency=spec.concurrency,
        warm_up=spec.warm_up,
        target=spec.target,
        created_at=datetime.now(UTC),
        latency_conditions=_conditions(spec),
        arms=figures,
        advice=advise(figures, outcomes, spec.target),
    )


def _conditions(spec: BenchSpec) -> str:
    return (
        f"{spec.concurrency} request(s) at a time for each candidate, after {spec.warm_up} not counted; "
        "candidates at one host take turns; from sending to the last byte, not streamed"
    )


def rows_of_table(report: BenchReport) -> list[tuple[str, list[str]]]:
    """The table's rows: a name, and a cell for each arm."""
    kinds = list(dict.fromkeys(kind for arm in report.arms for kind in arm.outcomes))
    arms = report.arms
    return [
        ("right", [_share(one.right) for one in arms]),
        ("valid before repair", [_share(one.valid) for one in arms]),
        ("field F1", [_estimate(one.field_f1) for one in arms]),
        ("latency p50, p95 (s)", [_times(one) for one in arms]),
        ("tokens in, out (mean)", [_tokens(one) for one in arms]),
        ("USD a request", [_usd(one.usd_per_request) for one in arms]),
        ("USD a right answer", [_usd(one.usd_per_success) for one in arms]),
        *((kind.replace("_", " "), [str(one.outcomes.get(kind, 0)) for one in arms]) for kind in kinds),
    ]


def to_markdown(report: BenchReport) -> str:
    """The report for reading."""
    labels = [_escaped(one.label) for one in report.arms]
    head = (
        f"{report.rows} rows ({report.rows_sha256[:12]}), task version {report.task_version}. "
        f"Latency: {report.latency_conditions}. Shares have Wilson intervals of 95 %."
    )
    lines = [
        f"# Candidates for {report.task}",
        "",
        head,
        "",
        "| | " + " | ".join(labels) + " |",
        "|---|" + "---|" * len(labels),
        *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows_of_table(report)),
        "",
        f"## Recommendation: {report.advice.recommended or 'none'}",
        "",
        *(f"- {reason}" for reason in report.advice.reasons),
        *(f"- {_in_words(pair)}" for pair in report.advice.pairs),
        "",
        f"## Tuning: {report.advice.tuning.replace('_', ' ')}",
        "",
        *(f"- {reason}" for reason in report.advice.tuning_reasons),
    ]
    return "\n".join(lines) + "\n"


def _in_words(pair: Pair) -> str:
    alone = f"alone right on {pair.leader_alone_right} and {pair.other_alone_right} rows"
    return f"{pair.leader} against {pair.other}: {alone}, p = {pair.p_value:.3f}."


def _share(one: Share) -> str:
    return f"{100 * one.rate:.0f} % ({100 * one.low:.0f} to {100 * one.high:.0f})"


def _estimate(one: Estimate) -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _times(one: ArmFigures) -> str:
    if one.p50_seconds is None or one.p95_seconds is None:
        return "-"
    return f"{one.p50_seconds:.3f}, {one.p95_seconds:.3f}"


def _tokens(one: ArmFigures) -> str:
    if one.prompt_tokens_mean is None or one.completion_tokens_mean is None:
        return "-"
    return f"{one.prompt_tokens_mean:.0f}, {one.completion_tokens_mean:.0f}"


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{value:.6f}"


def _escaped(label: str) -> str:
    return label.replace("|", "\\|")
