"""Figures of one arm over all rows, each share with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from statistics import quantiles
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from training.candidates.asking import Arm
from training.candidates.outcomes import RIGHT, Outcome
from training.evaluate.matching import Matched
from training.evaluate.score import Rate, wilson

_RESAMPLES: Final = 2000


class Record(BaseModel):
    """A part of the report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Share(Record):
    """A share with its 95 % interval."""

    correct: int
    total: int
    rate: float
    low: float
    high: float


class Estimate(Record):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class ArmFigures(Record):
    """One candidate with one number of shots. Costs are None where neither prices nor a gateway tell.

    Times are of answered requests, from sending to the last byte. `usd_per_success` is all money over the
    rows that are wholly right; None where none is.
    """

    label: str
    candidate: str
    model: str
    through: str
    shots: int
    right: Share
    valid: Share
    field_f1: Estimate
    answered: int
    outcomes: dict[str, int]
    p50_seconds: float | None
    p95_seconds: float | None
    prompt_tokens_mean: float | None
    completion_tokens_mean: float | None
    usd_per_request: float | None
    usd_per_success: float | None


def figures_of(arm: Arm, outcomes: Sequence[Outcome], seed: int = 0) -> ArmFigures:
    """Compute the figures of one arm."""
    right = wilson(sum(one.is_right for one in outcomes), len(outcomes))
    usd = _total_usd(outcomes)
    seconds = [one.seconds for one in outcomes if one.is_answered]
    return ArmFigures(
        label=arm.label,
        candidate=arm.candidate.label,
        model=arm.candidate.model,
        through=arm.candidate.through.value,
        shots=arm.shots,
        right=share(right),
        valid=share(wilson(sum(one.is_valid for one in outcomes), len(outcomes))),
        field_f1=_f1(outcomes, seed),
        answered=len(seconds),
        outcomes=dict(Counter(one.kind for one in outcomes if one.kind != RIGHT).most_common()),
        p50_seconds=_quantile(seconds, 50),
        p95_seconds=_quantile(seconds, 95),
        prompt_tokens_mean=_mean([one.prompt_tokens for one in outcomes]),
        completion_tokens_mean=_mean([one.completion_tokens for one in outcomes]),
        usd_per_request=None if usd is None else usd / len(outcomes),
        usd_per_success=usd / right.correct if usd is not None and right.correct else None,
    )


def share(rate: Rate) -> Share:
    """A rate as the report holds it."""
    return Share.model_validate(asdict(rate))


def _total_usd(outcomes: Sequence[Outcome]) -> float | None:
    costs = [one.cost_usd for one in outcomes]
    known = [cost for cost in costs if cost is not None]
    # A failed request of an unpriced candidate costs nothing known; an answered one has to say.
    if not known or any(one.cost_usd is None and one.is_answered for one in outcomes):
        return None
    return sum(known)


def _f1(outcomes: Sequence[Outcome], seed: int) -> Estimate:
    """Micro F1 over fields, compared leniently; the interval resamples rows, whose fields err together."""
    matched = [sum(one.score.matched.values(), Matched()) for one in outcomes]
    counts = np.array([(one.both, one.answer_only + one.gold_only) for one in matched], dtype=np.int64)
    drawn = np.random.default_rng(seed).integers(len(counts), size=(_RESAMPLES, len(counts)))
    low, high = np.quantile(_ratio(counts[drawn].sum(axis=1)), (0.025, 0.975))
    return Estimate(
        value=float(_ratio(counts.sum(axis=0, keepdims=True))[0]), low=float(low), high=float(high)
    )


def _ratio(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """F1 of pairs (values on both sides, values on one side alone); 1 where there are none at all."""
    both, alone = 2.0 * counts[:, 0], counts[:, 1].astype(np.float64)
    return np.where(both + alone > 0, both / np.maximum(both + alone, 1.0), 1.0)


def _quantile(seconds: Sequence[float], at: int) -> float | None:
    if not seconds:
        return None
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [*seconds] * 99
    return round(cuts[at - 1], 4)


def _mean(values: Sequence[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 1) if known else None
