"""The gate over generated and simulated scores: never better for worse evidence, rarely wrong, not blind."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.evaluation import Verdict
from tests.support.evaluations import observed, specification
from training.evaluate.gate import Evidence, Gate, worst
from training.evaluate.observe import Observation

RANK = {Verdict.PASS: 0, Verdict.INCONCLUSIVE: 1, Verdict.FAIL: 2}
FIELDS = 3
RULES: list[dict[str, Any]] = [
    {"metric": "records_exact", "minimum": 0.7, "max_regression": 0.05},
    {"metric": "fields_exact", "minimum": 0.8, "max_regression": 0.03},
    {"metric": "answers_valid", "minimum": 0.9, "max_regression": 0.05},
    {"metric": "latency_p95_seconds", "maximum": 2.0, "max_regression": 0.5},
    {"metric": "cost_per_success_usd", "maximum": 0.3, "max_regression": 0.2},
]
GATE = Gate(specification(*RULES, min_records=20), resamples=999)

Outcomes = st.lists(st.tuples(*[st.booleans()] * FIELDS), min_size=1, max_size=60)


def records(right: list[tuple[bool, ...]], groups: int) -> list[Observation]:
    return [
        observed(number, *fields, group=str(number % groups) if groups else "", seconds=0.1 + number / 100)
        for number, fields in enumerate(right)
    ]


def ranks(candidate: list[Observation], baseline: list[Observation] | None) -> list[int]:
    return [RANK[one.verdict] for one in GATE.judge(Evidence(candidate, baseline))]


def worsened(one: Observation, how: str) -> Observation:
    """The same record with a worse answer."""
    number = int(one.row.id)
    right = list(one.score.fields.values())
    if how == "lost":
        return observed(number, *right, group=one.row.group, lost=True)
    if how == "slower":
        return replace(one, answer=replace(one.answer, latency_seconds=one.answer.latency_seconds * 3))
    return observed(number, *[False] * FIELDS, group=one.row.group, seconds=one.answer.latency_seconds)


@settings(max_examples=40)
@given(
    mine=Outcomes,
    theirs=Outcomes,
    groups=st.sampled_from([0, 0, 5]),
    places=st.sets(st.integers(0, 59), min_size=1),
    how=st.sampled_from(["wrong", "lost", "slower"]),
)
def test_a_verdict_never_improves_when_an_answer_gets_worse(
    mine: list[tuple[bool, ...]],
    theirs: list[tuple[bool, ...]],
    groups: int,
    places: set[int],
    how: str,
) -> None:
    count = min(len(mine), len(theirs))
    candidate, baseline = records(mine[:count], groups), records(theirs[:count], groups)
    worse = [worsened(one, how) if at in places else one for at, one in enumerate(candidate)]
    before, after = ranks(candidate, baseline), ranks(worse, baseline)
    assert all(old <= new for old, new in zip(before, after, strict=True))


@settings(max_examples=30)
@given(mine=Outcomes, theirs=Outcomes, kept=st.integers(0, 60))
def test_without_enough_data_nothing_passes(
    mine: list[tuple[bool, ...]], theirs: list[tuple[bool, ...]], kept: int
) -> None:
    count = min(len(mine), len(theirs))
    candidate = records(mine[:count], 0)
    assert RANK[Verdict.PASS] not in ranks(candidate, None)
    few = min(kept, count, 19)
    assert RANK[Verdict.PASS] not in ranks(candidate[:few], records(theirs[:few], 0))


def simulated(rng: np.random.Generator, chances: Any, count: int) -> list[Observation]:
    """Answers of a model that is right with each record's own chance, sampled anew in each run."""
    drawn = rng.random((count, FIELDS)) < chances
    seconds = rng.lognormal(0.0, 0.4, count)
    return [
        observed(number, *map(bool, drawn[number]), seconds=float(seconds[number])) for number in range(count)
    ]


def repeated(repeats: int, count: int, loss: float, rules: list[dict[str, Any]]) -> Counter[Verdict]:
    """Verdicts of so many evaluations of a model whose chances are `loss` below its baseline's."""
    rng = np.random.default_rng(7)
    gate = Gate(specification(*rules, min_records=30), resamples=1_999)
    verdicts: Counter[Verdict] = Counter()
    for _ in range(repeats):
        chances = rng.beta(9, 1, (count, 1))
        baseline = simulated(rng, chances, count)
        candidate = simulated(rng, np.clip(chances - loss, 0, 1), count)
        verdicts[worst([one.verdict for one in gate.judge(Evidence(candidate, baseline))])] += 1
    return verdicts


STRICT: list[dict[str, Any]] = [
    {"metric": "records_exact", "max_regression": 0.0},
    {"metric": "fields_exact", "max_regression": 0.0},
    *({"metric": f"field_exact.field-{at}", "max_regression": 0.0} for at in range(FIELDS)),
    {"metric": "latency_p95_seconds", "max_regression": 0.0},
]
USUAL: list[dict[str, Any]] = [{**rule, "max_regression": 0.05} for rule in STRICT[:-1]]


def test_an_unchanged_model_fails_in_less_than_one_run_of_fifty_even_without_any_margin() -> None:
    """Sampling noise alone, six metrics at the boundary of what is allowed: the hardest case there is."""
    verdicts = repeated(100, 60, 0.0, STRICT)
    assert verdicts[Verdict.FAIL] <= 0.02 * 100


def test_an_unchanged_model_passes_with_a_usual_margin_and_never_fails() -> None:
    verdicts = repeated(30, 300, 0.0, USUAL[1:2])
    assert verdicts[Verdict.FAIL] == 0
    assert verdicts[Verdict.PASS] >= 27


def test_a_loss_of_a_fifth_is_found_on_two_hundred_records() -> None:
    verdicts = repeated(20, 200, 0.2, USUAL)
    assert verdicts[Verdict.FAIL] >= 19
    assert verdicts[Verdict.PASS] == 0


def test_a_loss_of_a_tenth_never_passes_on_two_hundred_records() -> None:
    verdicts = repeated(20, 200, 0.1, USUAL)
    assert verdicts[Verdict.PASS] == 0
