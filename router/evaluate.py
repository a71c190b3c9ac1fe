"""Measuring a bundle on labelled rows: accuracy, risk, calibration, robustness and latency."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from contracts.route import RouteDecision
from router.augment import CHANGES
from router.bundle import ACTION_PREFIX, OUT_OF_SCOPE
from router.calibration import expected_calibration_error, softmax
from router.inference import Router
from router.rows import Row

ABSTAINED = "abstained"
"""How a decision below its threshold is counted in the confusion."""

_SEED = 0
_REPEATED_ROWS = 2_000
"""Latency and robustness are measured on the first rows up to this number."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures over one set of rows; shares lie in [0, 1].

    `accuracy` is that of the most probable class of the in-scope rows, before thresholds. A row is decided
    unless the router abstains; `risk` is the share of wrong decisions among those made, a decision on an
    out-of-scope row being wrong. `out_of_scope_recall` is the share of out-of-scope rows not decided.
    `unchanged` says, for each kind of harmless change, how often the decision stays the same.
    """

    rows: int
    accuracy: float
    coverage: float
    risk: float
    out_of_scope_rows: int
    out_of_scope_recall: float
    ece_before: float
    ece_after: float
    decide_p50_ms: float
    decide_p99_ms: float
    unchanged: dict[str, float]
    confusion: dict[str, dict[str, int]]

    def figures(self) -> dict[str, float | dict[str, float]]:
        """What goes into the line of JSON: all but the confusion."""
        return {name: value for name, value in asdict(self).items() if name != "confusion"}


def evaluate(
    router: Router, rows: Sequence[Row], clock: Callable[[], float] = time.perf_counter
) -> Evaluation:
    """Measure a router; requests are taken to bring tools, so that `tool` is always in question.

    A task that the bundle does not know counts as a wrong decision, unless the router abstains.
    """
    labels = router.bundle.manifest.route.labels
    truths = [row.route_class for row in rows]
    logits = np.stack([router.logits(row.text) for row in rows])
    guesses = [labels[code] for code in logits.argmax(axis=1)]
    decisions = [router.decide(row.text, has_tools=True) for row in rows]
    named = [_name(decision) for decision in decisions]
    is_in_scope = [truth != OUT_OF_SCOPE for truth in truths]
    pairs = list(zip(truths, named, strict=True))
    p50, p99 = _latency(router, rows, clock)
    before, after = _calibration_errors(router, logits, truths)
    return Evaluation(
        rows=len(rows),
        accuracy=_share(
            truth == guess for truth, guess in zip(truths, guesses, strict=True) if truth != OUT_OF_SCOPE
        ),
        coverage=_share(name != ABSTAINED for truth, name in pairs if truth != OUT_OF_SCOPE),
        risk=_share(name != truth for truth, name in pairs if name != ABSTAINED),
        out_of_scope_rows=is_in_scope.count(False),
        out_of_scope_recall=_share(name == ABSTAINED for truth, name in pairs if truth == OUT_OF_SCOPE),
        ece_before=before,
        ece_after=after,
        decide_p50_ms=p50,
        decide_p99_ms=p99,
        unchanged=_unchanged(router, rows, named),
        confusion=_confusion(router, rows, decisions),
    )


def _name(decision: RouteDecision) -> str:
    if decision.abstained:
        return ABSTAINED
    return decision.task or f"{ACTION_PREFIX}{decision.action}"


def _calibration_errors(
    router: Router, logits: npt.NDArray[np.float32], truths: Sequence[str]
) -> tuple[float, float]:
    """ECE before and after temperature scaling, over the rows whose class the bundle knows."""
    head = router.bundle.manifest.route
    known = np.array([truth in head.labels for truth in truths])
    if not known.any():
        return 0.0, 0.0
    codes = np.array([head.labels.index(truth) for truth in truths if truth in head.labels])
    is_correct = logits[known].argmax(axis=1) == codes
    before, after = (
        expected_calibration_error(softmax(logits[known], temperature).max(axis=1), is_correct)
        for temperature in (1.0, head.temperature)
    )
    return round(before, 4), round(after, 4)


def _latency(router: Router, rows: Sequence[Row], clock: Callable[[], float]) -> tuple[float, float]:
    seconds = []
    for row in rows[:_REPEATED_ROWS]:
        start = clock()
        router.decide(row.text)
        seconds.append(clock() - start)
    p50, p99 = np.quantile(np.array(seconds), (0.5, 0.99)) * 1000.0
    return round(float(p50), 4), round(float(p99), 4)


def _unchanged(router: Router, rows: Sequence[Row], named: Sequence[str]) -> dict[str, float]:
    chance = random.Random(_SEED)  # noqa: S311  variety, not secrecy
    pairs = list(zip(rows, named, strict=True))[:_REPEATED_ROWS]
    return {
        kind: _share(
            _name(router.decide(change(row.text, chance), has_tools=True)) == name for row, name in pairs
        )
        for kind, change in CHANGES.items()
    }


def _confusion(
    router: Router, rows: Sequence[Row], decisions: Sequence[RouteDecision]
) -> dict[str, dict[str, int]]:
    """Decisions by the action of the row: what was decided, or that the router abstained."""
    task_actions = router.bundle.manifest.task_actions
    table: dict[str, Counter[str]] = {}
    for row, decision in zip(rows, decisions, strict=True):
        truth = task_actions.get(row.task, "unknown task") if row.task else row.action or OUT_OF_SCOPE
        found = ABSTAINED if decision.abstained else decision.action.value
        table.setdefault(str(truth), Counter())[found] += 1
    return {truth: dict(sorted(counts.items())) for truth, counts in sorted(table.items())}


def _share(facts: Iterable[bool]) -> float:
    values = list(facts)
    return round(sum(values) / len(values), 4) if values else 0.0
