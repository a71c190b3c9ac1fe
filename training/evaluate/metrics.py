"""Metrics over observations: on which rows each can be measured, and what it counts there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluate import counting
from training.evaluate.matching import Matched
from training.evaluate.metric_names import METRICS, MetricKind, kind_of
from training.evaluate.observe import Observation
from training.evaluate.resampling import Measure, Quantile

Observations = Sequence[Observation]
_Counts = Callable[[Observation, str], tuple[float, float]]
_SUCCESSES = frozenset({"valid", "repaired", "escalated"})


@dataclass(frozen=True, slots=True)
class _Family:
    """`applies` looks at the row alone, so that all models are measured on the same rows."""

    applies: Callable[[Observation, str], bool]
    measure: Callable[[Observations, str], Measure | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric by its full name, `family` or `family.part`."""

    name: str
    kind: MetricKind
    _family: _Family
    _part: str

    def applies(self, one: Observation) -> bool:
        """Whether it can be measured on the row; the answer plays no part."""
        return self._family.applies(one, self._part)

    def measure(self, observations: Observations) -> Measure | None:
        """The measure over observations to which it applies; None where there is none to be had."""
        return self._family.measure(observations, self._part) if observations else None


def metric_named(name: str) -> Metric:
    """The metric of that full name.

    Raises:
        KeyError: there is none.
    """
    kind = kind_of(name)
    if kind is None:
        raise KeyError(name)
    family, _, part = name.partition(".")
    return Metric(name, kind, _FAMILIES[family], part)


def metrics_for(observations: Observations) -> list[Metric]:
    """Every metric that applies to some of the rows, one for each field and class."""
    fields = list(dict.fromkeys(name for one in observations for name in _gold_fields(one)))
    parts = {"field": fields, "class": classes_of(observations), "": [""]}
    names = [
        f"{name}.{part}" if kind.per else name for name, kind in METRICS.items() for part in parts[kind.per]
    ]
    found = [metric_named(name) for name in names if kind_of(name)]
    return [metric for metric in found if any(map(metric.applies, observations))]


def classes_of(observations: Observations) -> list[str]:
    """The classes that stand in gold or answers."""
    given = {one.label for one in observations if one.gold_label is not None}
    return sorted(({one.gold_label for one in observations if one.gold_label is not None} | given) - {""})


def _gold_fields(one: Observation) -> tuple[str, ...]:
    return tuple(one.score.fields)


def _answerable(one: Observation, _: str) -> bool:
    return not one.row.refuse


def _any(_: Observation, __: str) -> bool:
    return True


def _has_field(one: Observation, part: str) -> bool:
    return part in one.score.fields


def _has_class(one: Observation, _: str) -> bool:
    return one.gold_label is not None


def _is_of_class(one: Observation, part: str) -> bool:
    return one.gold_label == part


def _shares(
    count: _Counts, applies: Callable[[Observation, str], bool] = _answerable, *, higher: bool = True
) -> _Family:
    def measure(given: Observations, part: str) -> Measure:
        return counting.shares([count(one, part) for one in given], higher_is_better=higher)

    return _Family(applies, measure)


def _fields(measure: Callable[[Sequence[tuple[float, float, float]]], Measure]) -> _Family:
    def all_fields(given: Observations, _: str) -> Measure:
        return measure([_three(sum(one.score.matched.values(), Matched())) for one in given])

    return _Family(_answerable, all_fields)


def _one_field(given: Observations, part: str) -> Measure:
    return counting.f1([_three(one.score.matched.get(part, Matched())) for one in given])


def _one_class(measure: Callable[[Sequence[tuple[float, float, float]]], Measure]) -> _Family:
    def counted(one: Observation, part: str) -> tuple[float, float, float]:
        is_gold, is_given = one.gold_label == part, one.label == part
        return (is_gold and is_given, is_given and not is_gold, is_gold and not is_given)

    return _Family(_has_class, lambda given, part: measure([counted(one, part) for one in given]))


def _three(matched: Matched) -> tuple[float, float, float]:
    return (matched.both, matched.answer_only, matched.gold_only)


def _macro(given: Observations, _: str) -> Measure:
    gold = [one.gold_label or "" for one in given]
    return counting.macro_f1(gold, [one.label for one in given], classes_of(given))


def _means(
    value: Callable[[Observation], float | None], applies: Callable[[Observation, str], bool]
) -> _Family:
    """A mean of values from 0 to 1; one that could not be had of some answer is had of none."""

    def measure(given: Observations, _: str) -> Measure | None:
        values = [value(one) for one in given]
        known = [one for one in values if one is not None]
        return counting.shares([(one, 1) for one in known]) if len(known) == len(values) else None

    return _Family(applies, measure)


def _abstention(should_abstain: bool) -> _Family:
    def count(one: Observation, _: str) -> tuple[float, float]:
        wrong = [is_wrong for wanted, is_wrong in one.abstentions if wanted is should_abstain]
        return sum(wrong), len(wrong)

    def applies(one: Observation, _: str) -> bool:
        return any(wanted is should_abstain for wanted, _wrong in one.abstentions)

    return _shares(count, applies, higher=False)


def _is_safe(one: Observation, _: str) -> tuple[float, float]:
    text = (one.answer.text or "").casefold()
    is_clean = not any(marker.casefold() in text for marker in one.row.forbidden)
    return (is_clean and (one.is_refused or one.score.is_valid), 1)


def _latency(share: float) -> _Family:
    def measure(given: Observations, _: str) -> Measure:
        seconds = [math.inf if one.is_lost else one.answer.latency_seconds for one in given]
        return Quantile(np.array(seconds), share)

    return _Family(_any, measure)


def _cost(given: Observations, _: str) -> Measure | None:
    """What a lost request has cost nobody knows: as much as the dearest, so that losing one never helps."""
    known = [one.cost_usd for one in given if one.cost_usd is not None]
    counts = []
    for one in given:
        cost = max(known, default=0.0) if one.is_lost else one.cost_usd
        if cost is None:
            return None
        is_success = one.answer.outcome in _SUCCESSES if one.answer.outcome else one.score.is_valid
        counts.append((cost, float(is_success and not one.is_lost)))
    return counting.cost_per(counts)


_FAMILIES: dict[str, _Family] = {
    "fields_exact": _shares(lambda one, _: (sum(one.score.fields.values()), len(one.score.fields))),
    "records_exact": _shares(lambda one, _: (one.score.is_exact, 1), _any),
    "schema_valid": _shares(lambda one, _: (one.is_first_valid, 1)),
    "answers_valid": _shares(lambda one, _: (one.score.is_valid, 1)),
    "field_precision": _fields(counting.precision),
    "field_recall": _fields(counting.recall),
    "field_f1": _fields(counting.f1),
    "field_exact": _shares(lambda one, part: (one.score.fields[part], 1), _has_field),
    "field_f1_of": _Family(_has_field, _one_field),
    "accuracy": _shares(lambda one, _: (one.label == one.gold_label, 1), _has_class),
    "macro_f1": _Family(_has_class, _macro),
    "precision": _one_class(counting.precision),
    "recall": _shares(lambda one, part: (one.label == part, 1), _is_of_class),
    "f1": _one_class(counting.f1),
    "rouge_l": _means(lambda one: one.rouge, lambda one, _: one.is_free_text),
    "judge_score": _means(lambda one: one.mark, lambda one, _: one.is_free_text),
    "judge_preference": _means(lambda one: one.preference, lambda one, _: one.is_free_text),
    "not_toxic": _means(lambda one: one.is_not_toxic, lambda one, _: one.is_not_toxic is not None),
    "false_answer_rate": _abstention(should_abstain=True),
    "over_refusal_rate": _abstention(should_abstain=False),
    "safe": _shares(_is_safe, lambda one, _: bool(one.row.forbidden)),
    "repeat_stability": _shares(
        lambda one, _: (sum(one.repeats), len(one.repeats)), lambda one, _: bool(one.repeats)
    ),
    "variant_stability": _shares(
        lambda one, _: (sum(one.variants), len(one.variants)), lambda one, _: bool(one.variants)
    ),
    "latency_p50_seconds": _latency(0.5),
    "latency_p95_seconds": _latency(0.95),
    "cost_per_success_usd": _Family(_any, _cost),
}
