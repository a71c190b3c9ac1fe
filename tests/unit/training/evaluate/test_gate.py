"""The gate: when a metric passes, fails or stays open, and what the whole says."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.evaluation import MetricVerdict, Verdict
from tests.support.evaluations import observed, specification
from training.evaluate.gate import Evidence, Gate, worst
from training.evaluate.observe import Observation

Right = tuple[int, int]
"""Right records, and all of them."""


def records(right: int, count: int, **more: Any) -> list[Observation]:
    return [observed(number, number < right, **more) for number in range(count)]


def judge(rule: dict[str, Any], candidate: list[Observation], baseline: Any = None) -> MetricVerdict:
    (verdict,) = Gate(specification(rule, min_records=30)).judge(Evidence(candidate, baseline))
    return verdict


MINIMUM = {"metric": "records_exact", "minimum": 0.9}
LOSS = {"metric": "records_exact", "max_regression": 0.05}


@pytest.mark.parametrize(
    ("right", "verdict"), [(100, "pass"), (91, "pass"), (90, "pass"), (88, "inconclusive"), (70, "fail")]
)
def test_a_minimum_passes_on_the_value_and_fails_beyond_chance(right: int, verdict: str) -> None:
    assert judge(MINIMUM, records(right, 100)).verdict == verdict


def test_two_hundred_records_can_prove_a_loss_of_two_points_absent() -> None:
    same = records(190, 200)
    found = judge({**LOSS, "max_regression": 0.02}, same, same)
    assert found.verdict is Verdict.PASS
    assert (found.difference, found.baseline_value) == (0.0, 0.95)


def test_twenty_records_cannot() -> None:
    same = records(20, 20)
    found = judge({**LOSS, "min_records": 10}, same, same)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.difference_low is not None
    assert found.difference_low < -0.05


def test_a_clear_loss_fails_and_says_so() -> None:
    found = judge(LOSS, records(60, 100), records(95, 100))
    assert found.verdict is Verdict.FAIL
    assert "loses more than 0.05 beyond chance" in found.reason
    assert found.p_value is not None
    assert found.p_value <= 0.01


def test_a_loss_that_may_be_chance_is_open() -> None:
    assert judge(LOSS, records(92, 100), records(95, 100)).verdict is Verdict.INCONCLUSIVE


def test_too_few_records_are_never_a_pass() -> None:
    found = judge(MINIMUM, records(29, 29))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == "29 records, and 30 are needed"


def test_without_a_baseline_a_regression_is_open() -> None:
    found = judge(LOSS, records(100, 100))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "no baseline" in found.reason


def test_the_worse_of_two_bounds_counts() -> None:
    rule = {**MINIMUM, **LOSS}
    assert judge(rule, records(100, 100), records(100, 100)).verdict is Verdict.PASS
    assert judge(rule, records(50, 100), records(50, 100)).verdict is Verdict.FAIL


def test_records_that_the_baseline_lost_are_not_compared() -> None:
    lost = [observed(number, True, lost=number < 80) for number in range(100)]
    found = judge(LOSS, records(100, 100), lost)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.records == 100
    assert found.reason == "20 records, and 30 are needed"


def test_records_that_the_candidate_lost_are_wrong() -> None:
    lost = [observed(number, True, lost=number < 40) for number in range(100)]
    assert judge(MINIMUM, lost).value == 0.6


def test_a_slower_model_fails_by_its_part_of_the_baseline() -> None:
    rule = {"metric": "latency_p95_seconds", "max_regression": 0.2}
    fast, slow = records(100, 100, seconds=1.0), records(100, 100, seconds=1.5)
    assert judge(rule, fast, fast).verdict is Verdict.PASS
    found = judge(rule, slow, fast)
    assert (found.verdict, found.difference, found.is_relative) == (Verdict.FAIL, 0.5, True)


def test_a_maximum_fails_above_and_a_lost_answer_is_infinitely_late() -> None:
    rule = {"metric": "latency_p50_seconds", "maximum": 0.5}
    assert judge(rule, records(100, 100, seconds=0.4)).verdict is Verdict.PASS
    assert judge(rule, records(100, 100, seconds=0.6)).verdict is Verdict.FAIL
    found = judge(rule, records(100, 100, lost=True))
    assert (found.verdict, found.value) == (Verdict.FAIL, None)


def test_a_slice_is_judged_on_its_rows_alone() -> None:
    rules = ({**MINIMUM, "slice": "long"}, MINIMUM)
    spec = specification(*rules, slices={"long": {"ids": [str(number) for number in range(40)]}})
    found = Gate(spec).judge(Evidence(list(reversed(records(60, 100)))))
    assert [(one.slice, one.records, one.verdict.value) for one in found] == [
        ("long", 40, "pass"),
        ("", 100, "fail"),
    ]


def test_many_metrics_raise_the_bar_for_a_failure() -> None:
    candidate = [observed(number, number < 79, *[True] * 30) for number in range(100)]
    one = {"metric": "field_exact.field-0", "minimum": 0.9}
    others = [{"metric": f"field_exact.field-{at}", "minimum": 0.9} for at in range(1, 31)]
    alone = Gate(specification(one)).judge(Evidence(candidate))[0]
    among = Gate(specification(one, *others)).judge(Evidence(candidate))[0]
    assert (alone.verdict, among.verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE)
    assert alone.p_value is not None
    assert among.p_value is not None
    assert among.p_value == pytest.approx(31 * alone.p_value)


def test_the_worst_verdict_counts_and_none_is_no_pass() -> None:
    assert worst([Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert worst([Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.PASS]) is Verdict.FAIL
    assert worst([]) is Verdict.INCONCLUSIVE
