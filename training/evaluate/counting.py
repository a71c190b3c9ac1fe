"""Sums over records and the figures that come of them: shares, precision, recall, F1, means, costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from training.evaluate.resampling import Counted, Floats


def shares(counts: Sequence[tuple[float, float]], *, higher_is_better: bool = True) -> Counted:
    """Counted over all, from (counted, all) a record."""
    table = np.array(counts, dtype=np.float64).reshape(-1, 2)
    size = _mean(table[:, 1])
    full, none = np.array([size, size]), np.array([0.0, size])
    best, worst = (full, none) if higher_is_better else (none, full)
    return Counted(table, best, worst, _share)


def f1(counts: Sequence[tuple[float, float, float]]) -> Counted:
    """F1 from (in both, in the answer alone, in the gold alone) a record."""
    return _of_matches(counts, _f1)


def precision(counts: Sequence[tuple[float, float, float]]) -> Counted:
    """Precision, from the same counts; 0 where nothing was answered though there was something."""
    return _of_matches(counts, _precision)


def recall(counts: Sequence[tuple[float, float, float]]) -> Counted:
    """Recall, from the same counts; 0 where something was answered though there was nothing."""
    return _of_matches(counts, _recall)


def macro_f1(gold: Sequence[str], given: Sequence[str], classes: Sequence[str]) -> Counted:
    """Mean F1 of the classes that stand in gold or answers; an answer of no class is a miss alone."""
    places = {name: at for at, name in enumerate(classes)}
    table = np.zeros((len(gold), 3 * len(classes)))
    for row, (wanted, answer) in enumerate(zip(gold, given, strict=True)):
        if wanted == answer:
            table[row, 3 * places[wanted]] = 1
            continue
        table[row, 3 * places[wanted] + 2] = 1
        if answer in places:
            table[row, 3 * places[answer] + 1] = 1
    part = np.array([[gold.count(name) / max(1, len(gold))] for name in classes]).reshape(-1, 1)
    best = (part * np.array([1.0, 0.0, 0.0])).ravel()
    worst = (part * np.array([0.0, 1.0, 1.0])).ravel()
    return Counted(table, best, worst, _macro_f1)


def cost_per(counts: Sequence[tuple[float, float]]) -> Counted:
    """Cost for each success, from (cost, successes) a record; infinite without a success."""
    table = np.array(counts, dtype=np.float64).reshape(-1, 2)
    middle = table.mean(axis=0) if len(table) else np.zeros(2)
    return Counted(table, middle, middle, _cost)


def _of_matches(counts: Sequence[tuple[float, float, float]], ratio: Callable[[Floats], Floats]) -> Counted:
    table = np.array(counts, dtype=np.float64).reshape(-1, 3)
    size = max(1.0, _mean(table[:, 0] + table[:, 2]))
    return Counted(table, np.array([size, 0, 0]), np.array([0, size, size]), ratio)


def _mean(column: Floats) -> float:
    return float(column.mean()) if column.size else 1.0


def _divide(part: Floats, whole: Floats) -> Floats:
    quotient: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return quotient


def _share(sums: Floats) -> Floats:
    return _divide(sums[:, 0], sums[:, 1])


def _f1(sums: Floats) -> Floats:
    return _divide(2 * sums[:, 0], 2 * sums[:, 0] + sums[:, 1] + sums[:, 2])


def _precision(sums: Floats) -> Floats:
    answered = sums[:, 0] + sums[:, 1]
    return _divide(sums[:, 0], np.where(answered > 0, answered, sums[:, 2]))


def _recall(sums: Floats) -> Floats:
    wanted = sums[:, 0] + sums[:, 2]
    return _divide(sums[:, 0], np.where(wanted > 0, wanted, sums[:, 1]))


def _macro_f1(sums: Floats) -> Floats:
    by_class = sums.reshape(len(sums), -1, 3)
    wholes = 2 * by_class[..., 0] + by_class[..., 1] + by_class[..., 2]
    scores = np.divide(2 * by_class[..., 0], wholes, out=np.zeros(wholes.shape), where=wholes > 0)
    return _divide(scores.sum(axis=1), (wholes > 0).sum(axis=1).astype(np.float64))


def _cost(sums: Floats) -> Floats:
    cost, successes = sums[:, 0], sums[:, 1]
    each: Floats = np.divide(cost, successes, out=np.full(cost.shape, np.inf), where=successes > 0)
    return each
