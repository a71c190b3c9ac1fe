"""The recommendation: which candidate, why, and whether tuning is worth it, as far as the rows can say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from training.candidates.figures import ArmFigures, Estimate, Record
from training.candidates.outcomes import Outcome

_ALPHA: Final = 0.05
_Z95: Final = 1.959964
_FEW_ROWS: Final = 20
_FORM_SHARE: Final = 0.5
"""Above this share of all failures, breaches of form are the main one."""

_FORM_KINDS: Final = (
    "no_json",
    "no_object",
    "not_a_choice",
    "breaks_contract",
    "truncated",
    "output_invalid",
)


class Pair(Record):
    """The leader against another arm, row by row.

    `p_value` is of McNemar's exact test, two-sided; `difference` is the leader's share of right rows minus
    the other's, with the interval of Agresti and Min for pairs.
    """

    leader: str
    other: str
    leader_alone_right: int
    other_alone_right: int
    difference: Estimate
    p_value: float
    is_measurably_better: bool


class Advice(Record):
    """`recommended` is None where nothing can be. `reasons` are sentences, in order."""

    recommended: str | None
    basis: Literal["better", "cheaper", "faster", "more_right", "nothing"]
    equals: tuple[str, ...]
    reasons: tuple[str, ...]
    tuning: Literal["not_needed", "worth_trying", "undecided"]
    tuning_reasons: tuple[str, ...]
    pairs: tuple[Pair, ...]


def advise(figures: Sequence[ArmFigures], outcomes: Mapping[str, Sequence[Outcome]], target: float) -> Advice:
    """Compare all arms with the one that is right most often.

    The others count as equal to it unless the exact test on the same rows says otherwise at 5 %, divided
    by the number of comparisons. Among equals the cheaper is recommended, without prices the faster.
    """
    leader = max(figures, key=lambda one: (one.right.correct, -_usd(one), -(one.p50_seconds or math.inf)))
    level = _ALPHA / max(1, len(figures) - 1)
    pairs = tuple(_pair(leader, other, outcomes, level) for other in figures if other is not leader)
    if leader.right.correct == 0:
        return _nothing(figures, pairs, target)
    worse = {pair.other for pair in pairs if pair.is_measurably_better}
    equals = [one for one in figures if one.label not in worse]
    chosen, basis, reasons = _choice(leader, equals, len(figures))
    reasons += _caution(leader, chosen, pairs)
    total = leader.right.total
    if total < _FEW_ROWS:
        reasons.append(f"{total} rows are few: take 20 to 50 before money hangs on this.")
    tuning, tuning_reasons = _tuning(chosen, figures, target)
    return Advice(
        recommended=chosen.label,
        basis=basis,
        equals=tuple(one.label for one in equals),
        reasons=tuple(reasons),
        tuning=tuning,
        tuning_reasons=tuple(tuning_reasons),
        pairs=pairs,
    )


def exact_p_value(first_alone: int, second_alone: int) -> float:
    """McNemar's exact test: how likely so uneven a split of the rows that differ is by chance."""
    count, fewer = first_alone + second_alone, min(first_alone, second_alone)
    if count == 0:
        return 1.0
    tail: float = sum(math.comb(count, k) for k in range(fewer + 1)) / 2**count
    return min(1.0, 2.0 * tail)


def paired_difference(first_alone: int, second_alone: int, total: int) -> Estimate:
    """Difference of two shares on the same rows, after half a row more in each of the four cells."""
    first, second, count = first_alone + 0.5, second_alone + 0.5, total + 2
    centre = (first - second) / count
    margin = _Z95 * math.sqrt(first + second - (first - second) ** 2 / count) / count
    return Estimate(
        value=(first_alone - second_alone) / total if total else 0.0,
        low=max(-1.0, centre - margin),
        high=min(1.0, centre + margin),
    )


def percent(one: ArmFigures) -> str:
    """The share of right rows with its interval, in words."""
    right = one.right
    return f"{100 * right.rate:.0f} % right ({100 * right.low:.0f} to {100 * right.high:.0f})"


def _pair(
    leader: ArmFigures, other: ArmFigures, outcomes: Mapping[str, Sequence[Outcome]], level: float
) -> Pair:
    rows = list(zip(outcomes[leader.label], outcomes[other.label], strict=True))
    first = sum(one.is_right and not two.is_right for one, two in rows)
    second = sum(two.is_right and not one.is_right for one, two in rows)
    p_value = exact_p_value(first, second)
    return Pair(
        leader=leader.label,
        other=other.label,
        leader_alone_right=first,
        other_alone_right=second,
        difference=paired_difference(first, second, len(rows)),
        p_value=p_value,
        is_measurably_better=p_value < level and first > second,
    )


def _choice(
    leader: ArmFigures, equals: Sequence[ArmFigures], arms: int
) -> tuple[ArmFigures, Literal["better", "cheaper", "faster", "more_right"], list[str]]:
    if len(equals) == 1:
        if arms == 1:
            return leader, "more_right", [f"{leader.label} is the only candidate: {percent(leader)}."]
        return leader, "better", [f"{leader.label} is measurably better than every other: {percent(leader)}."]
    able = [one for one in equals if one.right.correct]
    named = "; ".join(f"{one.label} {percent(one)}" for one in equals)
    reasons = [
        f"No candidate is measurably better among these {len(equals)} on {leader.right.total} rows: {named}."
    ]
    if all(one.usd_per_success is not None for one in able):
        chosen = min(able, key=lambda one: (_usd(one), -one.right.correct))
        if any(_usd(one) > _usd(chosen) for one in able):
            reasons.append(f"Take the cheaper: {chosen.label}, {_usd(chosen):.6f} USD for each right answer.")
            return chosen, "cheaper", reasons
        reasons.append("They cost the same.")
    else:
        reasons.append("Not all of them have prices, so cost cannot decide.")
    chosen = min(able, key=lambda one: (one.p50_seconds or 0.0, -one.right.correct))
    reasons.append(f"Take the faster: {chosen.label}, {chosen.p50_seconds} s in the middle.")
    return chosen, "faster", reasons


def _caution(leader: ArmFigures, chosen: ArmFigures, pairs: Sequence[Pair]) -> list[str]:
    """How much may be given up where the chosen one is not the one that is right most often."""
    pair = next((one for one in pairs if one.other == chosen.label), None)
    if pair is None or pair.difference.high <= 0:
        return []
    points = f"{100 * pair.difference.high:.0f} points"
    could = f"{leader.label} could still be {points} better than {chosen.label}"
    return [f"Not measurably better is not equal: {could}; more rows would tell."]


def _tuning(
    chosen: ArmFigures, figures: Sequence[ArmFigures], target: float
) -> tuple[Literal["not_needed", "worth_trying", "undecided"], list[str]]:
    wanted = f"the target of {100 * target:.0f} %"
    verdict: Literal["not_needed", "worth_trying", "undecided"]
    if chosen.right.low >= target:
        verdict, reasons = (
            "not_needed",
            [f"{chosen.label} is above {wanted} even at the low end of its interval."],
        )
    elif chosen.right.high < target:
        verdict = "worth_trying"
        reasons = [f"{chosen.label} stays below {wanted} even at the high end of its interval."]
    else:
        verdict = "undecided"
        reasons = [
            f"{wanted[0].upper()}{wanted[1:]} lies inside the interval of {chosen.label}: more rows decide."
        ]
    if verdict != "not_needed":
        reasons += _hints(chosen, figures)
    return verdict, reasons


def _hints(chosen: ArmFigures, figures: Sequence[ArmFigures]) -> list[str]:
    """What the errors and the shots say about what tuning could change."""
    hints = []
    failures = sum(chosen.outcomes.values())
    form = sum(
        count for kind, count in chosen.outcomes.items() if kind.startswith("schema_") or kind in _FORM_KINDS
    )
    if failures and form / failures > _FORM_SHARE:
        hints.append(
            f"{form} of {failures} failures are of form: force the grammar (through a gateway or engine) "
            "before you tune."
        )
    own = [one for one in figures if one.candidate == chosen.candidate]
    plain = next((one for one in own if one.shots == 0), None)
    best = max(own, key=lambda one: one.right.rate)
    if plain is not None and best.right.rate > plain.right.rate:
        gain = 100 * (best.right.rate - plain.right.rate)
        hints.append(
            f"Showing {best.shots} examples gains {best.candidate} {gain:.0f} points on these rows: tuning "
            "on more of them would gain without their tokens in every prompt."
        )
    return hints


def _nothing(figures: Sequence[ArmFigures], pairs: tuple[Pair, ...], target: float) -> Advice:
    answered = sum(one.answered for one in figures)
    if answered:
        reason = (
            "No candidate has a single row right: check the task's prompt and the rows before anything else."
        )
    else:
        reason = "No request was answered: check URLs, models and keys."
    return Advice(
        recommended=None,
        basis="nothing",
        equals=(),
        reasons=(reason,),
        tuning="worth_trying"
        if answered and max(one.right.high for one in figures) < target
        else "undecided",
        tuning_reasons=("Without one right answer, the figures say nothing about what tuning would give.",),
        pairs=pairs,
    )


def _usd(one: ArmFigures) -> float:
    return math.inf if one.usd_per_success is None else one.usd_per_success
