"""Intervals: what they hold, how sure they may be, and that the same seed gives the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from training.evaluate import counting
from training.evaluate.resampling import Counted, Quantile, Resampler, holm


def rate(*right: int) -> Counted:
    return counting.shares([(one, 1) for one in right])


def test_a_share_with_its_interval_is_near_the_textbook() -> None:
    found = Resampler([""] * 100, seed=1).estimate(rate(*([1] * 80 + [0] * 20)))
    assert found.value == 0.8
    assert found.low == pytest.approx(0.711, abs=0.015)  # Wilson: 0.711 to 0.867
    assert found.high == pytest.approx(0.867, abs=0.015)


def test_no_mistake_among_n_leaves_room_for_three() -> None:
    found = Resampler([""] * 200, seed=1).estimate(rate(*[1] * 200))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(1 - 3 / 200, abs=0.003)


def test_equal_answers_differ_by_nothing_but_leave_room_for_three() -> None:
    same = rate(*[1] * 100)
    found = Resampler([""] * 100, seed=1).difference(same, same)
    assert found.value == 0
    assert found.low == pytest.approx(-0.03, abs=0.004)
    assert found.high == pytest.approx(0.03, abs=0.004)


def test_pairing_makes_the_interval_narrower_than_two_separate_ones() -> None:
    one, other = [1] * 60 + [0] * 40, [1] * 58 + [0] * 42
    found = Resampler([""] * 100, seed=1).difference(rate(*one), rate(*other))
    assert found.value == pytest.approx(0.02)
    assert found.high - found.low < 0.09  # unpaired it would be 0.27


def test_records_of_one_group_are_drawn_together() -> None:
    right = [1] * 50 + [0] * 50
    apart = Resampler([""] * 100, seed=1).estimate(rate(*right))
    together = Resampler([str(number // 10) for number in range(100)], seed=1).estimate(rate(*right))
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_the_same_seed_gives_the_same_interval_and_another_a_near_one() -> None:
    right = rate(*([1] * 30 + [0] * 10))
    first, again = (Resampler([""] * 40, seed=3).estimate(right) for _ in range(2))
    other = Resampler([""] * 40, seed=4).estimate(right)
    assert (first.low, first.high) == (again.low, again.high)
    assert (first.low, first.high) == pytest.approx((other.low, other.high), abs=0.03)


def test_draws_that_are_not_kept_are_made_again_alike() -> None:
    resampler = Resampler([""] * 700, seed=3, resamples=9_999)  # too many cells to keep
    right = rate(*([1] * 600 + [0] * 100))
    assert resampler.estimate(right).low == resampler.estimate(right).low


def test_nothing_to_measure_is_no_number() -> None:
    found = Resampler([], seed=1).estimate(rate())
    assert math.isnan(found.value)
    assert found.share_at_least(0.5) == 1.0


def test_a_p_value_counts_the_draws_on_the_other_side() -> None:
    found = Resampler([""] * 100, seed=1).estimate(rate(*([1] * 80 + [0] * 20)))
    assert found.share_at_least(0.95) == pytest.approx(1 / 10_000)
    assert found.share_at_least(0.5) > 0.99
    assert found.share_at_most(0.5) == pytest.approx(1 / 10_000)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 3.0), (0.95, 5.0), (0.2, 1.0)])
def test_a_quantile_is_one_of_the_values(share: float, expected: float) -> None:
    measure = Quantile(np.array([5.0, 1, 4, 2, 3]), share)
    assert Resampler([""] * 5, seed=1).point(measure) == expected


def test_a_lost_answer_is_infinitely_late() -> None:
    measure = Quantile(np.array([0.1] * 90 + [math.inf] * 10), 0.95)
    assert Resampler([""] * 100, seed=1).estimate(measure).value == math.inf


def test_a_relative_difference_is_a_part_of_the_baseline() -> None:
    slow, fast = Quantile(np.full(50, 1.2), 0.5), Quantile(np.full(50, 1.0), 0.5)
    found = Resampler([""] * 50, seed=1).difference(slow, fast, is_relative=True)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))


def test_holm_gives_the_published_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]
