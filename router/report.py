"""The tables that the router's commands print."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from router.bundle import BundleManifest, HeadManifest
from router.evaluate import Evaluation
from router.explain import ClassProbability, Explanation

_SHOWN = 12


def print_fit(console: Console, manifest: BundleManifest) -> None:
    """What was fitted, and its figures on rows that it was not fitted on."""
    head, table = manifest.route, Table("figure", "value", title=f"router {manifest.version}")
    table.add_row("classes", str(len(head.labels)))
    for name, value in manifest.metrics.items():
        table.add_row(name.replace("_", " "), f"{value:g}")
    table.add_row("temperature", f"{head.temperature:.3f}")
    table.add_row("threshold", _threshold(head))
    table.add_row("risk target", f"{manifest.risk_target:g}")
    console.print(table)


def print_evaluation(console: Console, evaluation: Evaluation, version: str) -> None:
    """Figures, robustness and the confusion of the actions."""
    figures = Table("figure", "value", title=f"router {version}")
    for name, value in evaluation.figures().items():
        if isinstance(value, Mapping):
            for change, share in value.items():
                figures.add_row(f"{name}: {change}", f"{share:.4f}")
        else:
            figures.add_row(name, f"{value}")
    console.print(figures)
    columns = sorted({found for counts in evaluation.confusion.values() for found in counts})
    confusion = Table("row is", *columns, title="what was decided")
    for truth, counts in evaluation.confusion.items():
        confusion.add_row(truth, *(str(counts.get(column, 0)) for column in columns))
    console.print(confusion)


def print_explanation(console: Console, explanation: Explanation) -> None:
    """A decision and its reasons."""
    decision = explanation.decision
    facts = Table("action", "task", "probability", "reason", "abstained")
    facts.add_row(
        decision.action,
        decision.task or "-",
        f"{decision.probability:.4f}",
        decision.reason,
        str(decision.abstained),
    )
    console.print(facts)
    console.print(_classes("class", explanation.classes))
    console.print(", ".join(f"{action}: {share:.4f}" for action, share in explanation.actions.items()))
    words = Table("word", "weight")
    for word, weight in explanation.words[:_SHOWN]:
        words.add_row(word, f"{weight:+.4f}")
    console.print(words)


def _classes(title: str, classes: tuple[ClassProbability, ...]) -> Table:
    table = Table(title, "probability", "threshold")
    for one in classes[:_SHOWN]:
        table.add_row(one.label, f"{one.probability:.4f}", f"{one.threshold:.4f}")
    return table


def _threshold(head: HeadManifest) -> str:
    lowest, highest = min(head.thresholds.values()), max(head.thresholds.values())
    return f"{lowest:.3f}" if lowest == highest else f"{lowest:.3f} to {highest:.3f}"
