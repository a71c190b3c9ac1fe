"""The gate: each metric passes, fails or stays open, and the worst of them is the verdict."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contracts.evaluation import MetricVerdict, Verdict
from training.evaluate.metric_names import MetricKind
from training.evaluate.metrics import Metric, metric_named
from training.evaluate.observe import Observation
from training.evaluate.resampling import NO_ESTIMATE, RESAMPLES, Estimate, Resampler, holm
from training.evaluate.slices import slices_of
from training.evaluate.spec import ALL, MetricRule, Specification

MAX_LOST_SHARE: Final = 0.02
"""Above this share of requests that ended without a judgement, a run is no evidence for a pass."""

_RANK: Final = {Verdict.PASS: 0, Verdict.INCONCLUSIVE: 1, Verdict.FAIL: 2}
_EVERY_ROW: Final = frozenset({"safe"})
"""Metrics that count perturbed rows among all rows: an injected order is a perturbation."""


_KEPT_DRAWS: Final = 4


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The worst; without any there is no evidence."""
    return max(verdicts, key=_RANK.__getitem__, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The observations of both models on the same rows in the same order; `baseline` may be absent."""

    candidate: Sequence[Observation]
    baseline: Sequence[Observation] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What was measured for one rule, before it is judged together with the others.

    `pairs` counts the records that the baseline answered too: where it was lost there is no comparison.
    """

    rule: MetricRule
    kind: MetricKind
    min_records: int
    records: int
    value: Estimate
    pairs: int = 0
    baseline: float = math.nan
    difference: Estimate = NO_ESTIMATE


class Gate:
    """Measures evidence and judges it under one specification. Equal evidence gives equal verdicts."""

    def __init__(self, spec: Specification, resamples: int = RESAMPLES) -> None:
        self._spec = spec
        self._resamples = resamples
        self._resamplers: OrderedDict[tuple[str, ...], Resampler] = OrderedDict()
        self._slices: dict[str, frozenset[str]] = {}

    def judge(self, evidence: Evidence) -> tuple[MetricVerdict, ...]:
        """One verdict for each rule of the specification (see `judged`)."""
        return judged([self._find(rule, evidence) for rule in self._spec.metrics], self._spec.family_error)

    def estimate(self, metric: Metric, observations: Sequence[Observation]) -> Estimate:
        """One model's value of a metric over observations to which it applies."""
        measure = metric.measure(observations)
        return self._resampler(observations).estimate(measure) if measure else NO_ESTIMATE

    def selected(self, metric: Metric, slice_name: str, observations: Sequence[Observation]) -> list[int]:
        """Where in the list the metric is counted for a slice; the same for every model."""
        return [
            at
            for at, one in enumerate(observations)
            if self._is_in(one, slice_name, metric) and metric.applies(one)
        ]

    def slices_of(self, one: Observation) -> frozenset[str]:
        """The slices of an observation's row."""
        if one.row.id not in self._slices:
            self._slices[one.row.id] = slices_of(one.row, self._spec)
        return self._slices[one.row.id]

    def _is_in(self, one: Observation, slice_name: str, metric: Metric) -> bool:
        if slice_name == ALL:
            return not one.row.suite or metric.name in _EVERY_ROW
        return slice_name in self.slices_of(one)

    def _find(self, rule: MetricRule, evidence: Evidence) -> Finding:
        metric = metric_named(rule.metric)
        places = self.selected(metric, rule.slice, evidence.candidate)
        mine = [evidence.candidate[at] for at in places]
        needed = rule.min_records or self._spec.min_records
        value = self.estimate(metric, mine)
        if evidence.baseline is None or rule.max_regression is None:
            return Finding(rule, metric.kind, needed, len(mine), value)
        paired = [at for at in places if not evidence.baseline[at].is_lost]
        ours = [evidence.candidate[at] for at in paired]
        theirs = [evidence.baseline[at] for at in paired]
        return Finding(
            rule,
            metric.kind,
            needed,
            len(mine),
            value,
            len(paired),
            self._value(metric, theirs),
            self._difference(metric, ours, theirs),
        )

    def _value(self, metric: Metric, observations: Sequence[Observation]) -> float:
        measure = metric.measure(observations)
        return self._resampler(observations).point(measure) if measure else math.nan

    def _difference(
        self, metric: Metric, ours: Sequence[Observation], theirs: Sequence[Observation]
    ) -> Estimate:
        candidate, baseline = metric.measure(ours), metric.measure(theirs)
        if candidate is None or baseline is None:
            return NO_ESTIMATE
        return self._resampler(ours).difference(candidate, baseline, is_relative=metric.kind.is_relative)

    def _resampler(self, observations: Sequence[Observation]) -> Resampler:
        """The draws for these rows, the same for every metric; those of a few sets of rows are kept."""
        groups = tuple(one.row.group for one in observations)
        if groups not in self._resamplers:
            while len(self._resamplers) >= _KEPT_DRAWS:
                self._resamplers.popitem(last=False)
            self._resamplers[groups] = Resampler(
                groups,
                seed=self._spec.seed,
                confidence=self._spec.confidence,
                resamples=self._resamples,
            )
        self._resamplers.move_to_end(groups)
        return self._resamplers[groups]


@dataclass(frozen=True, slots=True)
class _Test:
    """One bound of one rule: whether the value keeps it, and how surely it is broken."""

    is_kept: bool
    p_broken: float
    kept: str
    open: str
    broken: str


def judged(findings: Sequence[Finding], family_error: float) -> tuple[MetricVerdict, ...]:
    """Judge all rules together.

    A rule fails only where a bound is broken beyond chance: a one-sided test, its p-value corrected (Holm)
    over every bound of every rule, so that an unchanged model fails with `family_error` at most. It passes
    where the value keeps its minimum or maximum and, against the baseline, the whole interval of the
    difference stays within `max_regression`. Between them, and with too few records, it is inconclusive.
    """
    tests = [_tests(finding) for finding in findings]
    flat = [test for group in tests for test in group if test.p_broken <= 1]
    adjusted = dict(zip(map(id, flat), holm([test.p_broken for test in flat]), strict=True))
    return tuple(
        _verdict(finding, group, [adjusted.get(id(test), 1.0) for test in group], family_error)
        for finding, group in zip(findings, tests, strict=True)
    )


def _verdict(
    finding: Finding, tests: Sequence[_Test], p_values: Sequence[float], family_error: float
) -> MetricVerdict:
    verdicts, reasons = [], []
    for test, p_value in zip(tests, p_values, strict=True):
        if p_value <= family_error:
            verdicts.append(Verdict.FAIL)
            reasons.append(test.broken)
        else:
            verdicts.append(Verdict.PASS if test.is_kept else Verdict.INCONCLUSIVE)
            reasons.append(test.kept if test.is_kept else test.open)
    verdict = worst(verdicts)
    said = [reason for one, reason in zip(verdicts, reasons, strict=True) if one is verdict]
    rule, value, difference = finding.rule, finding.value, finding.difference
    return MetricVerdict(
        metric=rule.metric,
        slice=rule.slice,
        records=finding.records,
        value=_known(value.value),
        low=_known(value.low),
        high=_known(value.high),
        minimum=rule.minimum,
        maximum=rule.maximum,
        baseline_value=_known(finding.baseline),
        difference=_known(difference.value),
        difference_low=_known(difference.low),
        difference_high=_known(difference.high),
        max_regression=rule.max_regression,
        higher_is_better=finding.kind.higher_is_better,
        is_relative=finding.kind.is_relative,
        p_value=min(p_values, default=None),
        verdict=verdict,
        reason="; ".join(said),
    )


def _tests(finding: Finding) -> list[_Test]:
    rule, tests = finding.rule, []
    if rule.minimum is not None or rule.maximum is not None:
        tests.append(_bound_test(finding))
    if rule.max_regression is not None:
        tests.append(_regression_test(finding, rule.max_regression))
    return tests


def _bound_test(finding: Finding) -> _Test:
    rule, value = finding.rule, finding.value
    if finding.records < finding.min_records or math.isnan(value.value):
        return _unmeasured(finding.records, finding.min_records)
    if rule.minimum is not None:
        is_kept, p_broken = value.value >= rule.minimum, value.share_at_least(rule.minimum)
        side, bound = "below the minimum", rule.minimum
    else:
        bound = rule.maximum if rule.maximum is not None else math.inf
        is_kept, p_broken = value.value <= bound, value.share_at_most(bound)
        side = "above the maximum"
    shown = f"{value.value:.4g} is {side} {bound:.4g}"
    return _Test(
        is_kept,
        p_broken,
        kept=f"{value.value:.4g} keeps {bound:.4g}",
        open=f"{shown}, but its interval reaches it ({value.low:.4g} to {value.high:.4g})",
        broken=f"{shown} beyond chance ({value.low:.4g} to {value.high:.4g})",
    )


def _regression_test(finding: Finding, allowed: float) -> _Test:
    change = finding.difference
    if finding.pairs == 0:
        return _Test(
            False, math.inf, kept="", open="nothing to compare with: no baseline answered", broken=""
        )
    if finding.pairs < finding.min_records or math.isnan(change.value):
        return _unmeasured(finding.pairs, finding.min_records)
    if finding.kind.higher_is_better:
        is_kept, p_broken = change.low >= -allowed, change.share_at_least(-allowed)
    else:
        is_kept, p_broken = change.high <= allowed, change.share_at_most(allowed)
    shown = f"{change.value:+.4g} against the baseline ({change.low:+.4g} to {change.high:+.4g})"
    return _Test(
        is_kept,
        p_broken,
        kept=f"{shown} stays within {allowed:.4g}",
        open=f"{shown} leaves open whether the loss exceeds {allowed:.4g}",
        broken=f"{shown} loses more than {allowed:.4g} beyond chance",
    )


def _unmeasured(records: int, needed: int) -> _Test:
    why = f"{records} records, and {needed} are needed" if records < needed else "no data"
    return _Test(False, math.inf, kept="", open=why, broken="")


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
