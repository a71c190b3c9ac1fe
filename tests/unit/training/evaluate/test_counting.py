"""Figures from counts, by hand."""

from __future__ import annotations

import math

import pytest

from training.evaluate import counting
from training.evaluate.resampling import Counted, Resampler


def value(measure: Counted) -> float:
    return Resampler([""] * len(measure.table), seed=0).point(measure)


def test_micro_f1_adds_up_before_it_divides() -> None:
    counts = [(3, 1, 0), (1, 0, 2)]  # 4 right, 1 made up, 2 missed
    assert value(counting.precision(counts)) == pytest.approx(4 / 5)
    assert value(counting.recall(counts)) == pytest.approx(4 / 6)
    assert value(counting.f1(counts)) == pytest.approx(8 / 11)


def test_macro_f1_is_the_mean_over_the_classes() -> None:
    gold, given = ["a", "a", "b", "b", "b"], ["a", "b", "b", "b", ""]
    # a: 1 right, 0 made up, 1 missed: 2/3. b: 2 right, 1 made up, 1 missed: 4/6.
    assert value(counting.macro_f1(gold, given, ["a", "b"])) == pytest.approx(2 / 3)


def test_a_class_that_only_the_answers_name_counts_with_zero() -> None:
    assert value(counting.macro_f1(["a", "a"], ["a", "c"], ["a", "c"])) == pytest.approx((2 / 3 + 0) / 2)


def test_a_ratio_without_anything_is_no_number() -> None:
    assert math.isnan(value(counting.precision([(0, 0, 0)])))
    assert math.isnan(value(counting.f1([(0, 0, 0)])))


def test_cost_is_for_each_success_and_infinite_without_one() -> None:
    assert value(counting.cost_per([(0.02, 1), (0.01, 0), (0.03, 1)])) == pytest.approx(0.03)
    assert value(counting.cost_per([(0.02, 0)])) == math.inf


def test_a_class_that_was_never_answered_has_no_precision_and_one_that_was_never_wanted_no_recall() -> None:
    assert value(counting.precision([(0, 0, 3)])) == 0.0
    assert value(counting.recall([(0, 3, 0)])) == 0.0
