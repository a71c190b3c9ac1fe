"""Temperature, calibration error and thresholds on numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from router.calibration import (
    expected_calibration_error,
    fit_temperature,
    keep_threshold,
    log_loss,
    risk_threshold,
    softmax,
)


def _floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_softmax_sums_to_one_even_for_huge_logits() -> None:
    probabilities = softmax(np.array([[1e4, 0.0, -1e4], [0.1, 0.2, 0.3]], dtype=np.float32), 0.5)
    assert probabilities.sum(axis=1).tolist() == pytest.approx([1.0, 1.0])
    assert probabilities[0, 0] == 1.0


def test_the_temperature_undoes_a_known_over_confidence() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(size=(20_000, 4)).astype(np.float32) * 2
    labels = np.array(
        [random.choice(4, p=row / row.sum()) for row in softmax(logits, 1.0).astype(np.float64)]
    )
    assert fit_temperature(logits * 3, labels) == pytest.approx(3.0, rel=0.05)
    assert log_loss(logits * 3, labels, 3.0) < log_loss(logits * 3, labels, 1.0)


def test_without_rows_the_temperature_is_one() -> None:
    assert fit_temperature(np.empty((0, 3), dtype=np.float32), np.empty(0, dtype=np.int64)) == 1.0


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    confidences = _floats(0.9, 0.9, 0.9, 0.9)
    assert expected_calibration_error(confidences, np.array([True] * 4)) == pytest.approx(0.1, abs=1e-6)
    assert expected_calibration_error(confidences, np.array([True, False, True, False])) == pytest.approx(0.4)
    assert expected_calibration_error(_floats(), np.array([], dtype=bool)) == 0.0


def test_the_risk_threshold_is_the_lowest_that_keeps_the_risk() -> None:
    confidences = _floats(0.9, 0.8, 0.7, 0.6, 0.5)
    is_correct = np.array([True, True, True, False, True])
    assert risk_threshold(confidences, is_correct, 0.0) == pytest.approx(0.7)
    assert risk_threshold(confidences, is_correct, 0.2) == pytest.approx(0.5)
    assert risk_threshold(confidences, ~is_correct, 0.0) == 1.0
    assert risk_threshold(_floats(), np.array([], dtype=bool), 0.1) == 1.0


def test_the_keep_threshold_is_reached_by_the_stated_share() -> None:
    confidences = np.linspace(0.01, 1.0, 100, dtype=np.float32)
    threshold = keep_threshold(confidences, 0.95)
    assert (confidences >= threshold).mean() >= 0.95
    assert keep_threshold(_floats(), 0.95) == 0.0
