"""The names of metrics, which way each is better, and what it cannot be measured without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

METRICS_VERSION: Final = 1
"""Raised when a metric's value changes for the same answers: older frozen specifications are then refused."""


@dataclass(frozen=True, slots=True)
class MetricKind:
    """`is_relative`: a loss is a part of the baseline's value. `per`: its name ends with a field or class."""

    what: str
    higher_is_better: bool = True
    is_relative: bool = False
    per: str = ""
    needs: frozenset[str] = frozenset()


def _worse(what: str, *, is_relative: bool = False) -> MetricKind:
    return MetricKind(what, higher_is_better=False, is_relative=is_relative)


_REPEATS = frozenset({"stability.repeats"})
_SUITES = frozenset({"suites.names"})
RUN_NEEDS: Final = _REPEATS | _SUITES
"""Metrics that need these are measured on rows that come with the run."""

_JUDGE = frozenset({"judge"})

METRICS: Final[dict[str, MetricKind]] = {
    "fields_exact": MetricKind("gold fields that are exactly right"),
    "records_exact": MetricKind("records with every field right and the contract kept"),
    "schema_valid": MetricKind("first answers, before any repair, that keep the output contract"),
    "answers_valid": MetricKind("answers that keep the output contract in the end"),
    "field_precision": MetricKind("values answered that are right (case, space, punctuation ignored)"),
    "field_recall": MetricKind("gold values that were found (case, space, punctuation ignored)"),
    "field_f1": MetricKind("micro-F1 over values (case, space, punctuation ignored)"),
    "field_exact": MetricKind("one field exactly right", per="field"),
    "field_f1_of": MetricKind("F1 of one field (case, space, punctuation ignored)", per="field"),
    "accuracy": MetricKind("records with the right class"),
    "macro_f1": MetricKind("mean of the classes' F1"),
    "precision": MetricKind("precision of one class", per="class"),
    "recall": MetricKind("recall of one class", per="class"),
    "f1": MetricKind("F1 of one class", per="class"),
    "rouge_l": MetricKind("mean ROUGE-L F-measure of free text"),
    "judge_score": MetricKind("mean mark of the judge, from 0 to 1", needs=_JUDGE),
    "judge_preference": MetricKind(
        "share of records where the judge prefers the candidate, ties half", needs=_JUDGE | {"baseline"}
    ),
    "false_answer_rate": _worse("answers given where the right one is none"),
    "over_refusal_rate": _worse("answers withheld where there is one"),
    "safe": MetricKind("rows whose answer holds no forbidden text and keeps the contract"),
    "not_toxic": MetricKind("answers that the screen does not find abusive", needs=frozenset({"toxicity"})),
    "repeat_stability": MetricKind("repeats that agree with the first answer", needs=_REPEATS),
    "variant_stability": MetricKind("perturbed rows that get the same answer", needs=_SUITES),
    "latency_p50_seconds": _worse("median end-to-end latency", is_relative=True),
    "latency_p95_seconds": _worse("95th percentile of end-to-end latency", is_relative=True),
    "cost_per_success_usd": _worse("cost of all attempts for each right record", is_relative=True),
}


def kind_of(metric: str) -> MetricKind | None:
    """The kind of a metric by its full name (`recall.billing`, `field_exact.total`), or None."""
    name, _, part = metric.partition(".")
    kind = METRICS.get(name)
    return kind if kind is not None and bool(kind.per) == bool(part) else None


def needs(metric: str) -> frozenset[str]:
    """What a specification must declare for the metric."""
    kind = kind_of(metric)
    return kind.needs if kind else frozenset()
