"""Intervals by resampling records: the same draws for every metric and for both models of a pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES: Final = 9_999
"""One less than a round number, so that (1 + more extreme) / (1 + draws) is a round p-value."""

_MAX_CELLS: Final = 2_000_000
_MAX_CACHED_CELLS: Final = 4_000_000

PSEUDO_RECORDS: Final = 2
"""A record that is all right and one that is all wrong stand after the real ones, each in a mean cluster's
size. They keep a set without a single mistake from claiming to be certain: with no mistake among n records
the 95 % interval reaches 3/n below, which is the rule of three."""


class Measure(Protocol):
    """A metric on some records, as a function of how often each record is drawn."""

    def values(self, weights: Floats, *, favoured: bool) -> Floats:
        """One value for each row of `weights`, which has a column a record and two for the pseudo-records.

        `favoured` says whether the first pseudo-record is the right one. NaN where there is no value.
        """


@dataclass(frozen=True, slots=True)
class Counted:
    """A function of sums over records: `table` has a row a record, `best` and `worst` a record's extremes."""

    table: Floats
    best: Floats
    worst: Floats
    ratio: Callable[[Floats], Floats]

    def values(self, weights: Floats, *, favoured: bool) -> Floats:
        """See `Measure`."""
        ends = (self.best, self.worst) if favoured else (self.worst, self.best)
        return self.ratio(weights @ np.vstack([self.table, *ends]))


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of one value a record; infinite where there was no answer. Pseudo-records do not count."""

    observed: Floats
    share: float

    def values(self, weights: Floats, *, favoured: bool) -> Floats:
        """See `Measure`: the smallest value with at least `share` of the weight at or below it."""
        del favoured
        order = np.argsort(self.observed, kind="stable")
        sums = np.cumsum(weights[:, :-PSEUDO_RECORDS][:, order], axis=1)
        if not order.size:
            return np.full(len(weights), np.nan)
        reached = sums >= self.share * sums[:, -1:] - 1e-9
        found = self.observed[order][np.argmax(reached, axis=1)]
        return np.where(sums[:, -1] > 0, found, np.nan)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its interval, and the draws behind it; NaN throughout where there is nothing to measure."""

    value: float
    low: float
    high: float
    draws: Floats

    def share_at_least(self, bound: float) -> float:
        """One-sided p-value of "the value is at least `bound`"; a draw without a value counts for it."""
        return float(1 + np.count_nonzero(~(self.draws < bound))) / (1 + len(self.draws))

    def share_at_most(self, bound: float) -> float:
        """One-sided p-value of "the value is at most `bound`"."""
        return float(1 + np.count_nonzero(~(self.draws > bound))) / (1 + len(self.draws))


NO_ESTIMATE: Final = Estimate(np.nan, np.nan, np.nan, np.full(1, np.nan))
"""Where there is nothing to measure."""


class Resampler:
    """Draws records with Poisson(1) weights, whole clusters at a time; equal seeds give equal draws."""

    def __init__(
        self, groups: Sequence[str], *, seed: int, confidence: float = 0.95, resamples: int = RESAMPLES
    ) -> None:
        """`groups` names each record's cluster; an empty name is a cluster of its own."""
        names = [group or f"\x00{number}" for number, group in enumerate(groups)]
        self._clusters = np.unique(names, return_inverse=True)[1] if names else np.zeros(0, dtype=np.int64)
        self._count = int(self._clusters.max()) + 1 if names else 0
        self._seed = seed
        self._tail = (1 - confidence) / 2
        self._resamples = resamples
        self._pseudo_size = len(names) / self._count if self._count else 1.0
        self._kept: list[Floats] | None = None

    def estimate(self, measure: Measure) -> Estimate:
        """One model's metric."""
        point = self.point(measure)
        draws = [measure.values(weights, favoured=True) for weights in self._weights()]
        return self._estimate(point, np.concatenate(draws))

    def difference(self, candidate: Measure, baseline: Measure, *, is_relative: bool = False) -> Estimate:
        """Candidate minus baseline on the same draws; with `is_relative` as a part of the baseline."""

        def between(one: Floats, other: Floats) -> Floats:
            with np.errstate(divide="ignore", invalid="ignore"):
                return one / other - 1 if is_relative else one - other

        point = between(np.array([self.point(candidate)]), np.array([self.point(baseline)]))[0]
        draws = [
            between(candidate.values(weights, favoured=True), baseline.values(weights, favoured=False))
            for weights in self._weights()
        ]
        return self._estimate(float(point), np.concatenate(draws))

    def point(self, measure: Measure) -> float:
        """The metric's value, without an interval."""
        once = np.ones((1, len(self._clusters) + PSEUDO_RECORDS))
        once[:, -PSEUDO_RECORDS:] = 0
        return float(measure.values(once, favoured=True)[0])

    def _estimate(self, point: float, draws: Floats) -> Estimate:
        known = draws[~np.isnan(draws)]
        if np.isnan(point) or not known.size:
            return NO_ESTIMATE
        low = float(np.quantile(known, self._tail, method="lower"))
        high = float(np.quantile(known, 1 - self._tail, method="higher"))
        return Estimate(point, min(low, point), max(high, point), draws)

    def _weights(self) -> Iterator[Floats]:
        if self._kept is not None:
            yield from self._kept
            return
        rng = np.random.default_rng(self._seed)
        columns = len(self._clusters) + PSEUDO_RECORDS
        step = max(1, _MAX_CELLS // columns)
        kept: list[Floats] | None = [] if columns * self._resamples <= _MAX_CACHED_CELLS else None
        for start in range(0, self._resamples, step):
            rows = min(step, self._resamples - start)
            drawn = rng.poisson(1.0, (rows, self._count + PSEUDO_RECORDS)).astype(np.float64)
            pseudo = drawn[:, -PSEUDO_RECORDS:] * self._pseudo_size
            weights = np.hstack([drawn[:, :-PSEUDO_RECORDS][:, self._clusters], pseudo])
            if kept is not None:
                kept.append(weights)
            yield weights
        self._kept = kept


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that keep the chance of any false rejection at the level (Holm 1979)."""
    adjusted = [1.0] * len(p_values)
    running = 0.0
    ranked = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, at in enumerate(ranked):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = running
    return adjusted
