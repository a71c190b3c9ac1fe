"""Probabilities that can be trusted: temperature, calibration error, and thresholds from a stated risk."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_LOG_TEMPERATURES = (math.log(0.05), math.log(20.0))
_GOLDEN = (math.sqrt(5) - 1) / 2
_BINS = 15


def softmax(logits: npt.NDArray[np.floating], temperature: float) -> Floats:
    """Probabilities along the last axis."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


def fit_temperature(logits: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The temperature in [0.05, 20] with the least log loss on held-out rows; 1.0 without rows.

    Temperature scaling is that of Guo et al. (2017). A golden-section search over the logarithm finds it: the
    loss is unimodal in the inverse temperature.
    """
    if len(labels) == 0 or logits.shape[1] < 2:
        return 1.0
    low, high = _LOG_TEMPERATURES
    for _ in range(40):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if log_loss(logits, labels, math.exp(left)) < log_loss(logits, labels, math.exp(right)):
            high = right
        else:
            low = left
    return round(math.exp((low + high) / 2), 6)


def log_loss(logits: Floats, labels: npt.NDArray[np.int64], temperature: float) -> float:
    """Mean of -ln p of the true class; 0.0 without rows."""
    if len(labels) == 0:
        return 0.0
    scaled = logits.astype(np.float64) / temperature
    tops = scaled.max(axis=1)
    totals = tops + np.log(np.exp(scaled - tops[:, None]).sum(axis=1))
    return float((totals - scaled[np.arange(len(labels)), labels]).mean())


def expected_calibration_error(confidences: Floats, is_correct: npt.NDArray[np.bool_]) -> float:
    """Mean distance between confidence and accuracy over 15 bins of equal width, weighted by their rows."""
    if len(confidences) == 0:
        return 0.0
    bins = np.minimum((confidences * _BINS).astype(np.int64), _BINS - 1)
    members = [bins == number for number in np.unique(bins)]
    gaps = [abs(float(confidences[one].sum()) - float(is_correct[one].sum())) for one in members]
    return sum(gaps) / len(confidences)


def risk_threshold(confidences: Floats, is_correct: npt.NDArray[np.bool_], risk: float) -> float:
    """The lowest confidence at which the share of wrong rows among those accepted stays within `risk`.

    This is the empirical share on the given held-out rows, without a correction for their number. 1.0 when no
    threshold keeps the risk.
    """
    if len(confidences) == 0:
        return 1.0
    order = np.argsort(-confidences, kind="stable")
    wrong_shares = np.cumsum(~is_correct[order]) / np.arange(1, len(order) + 1)
    within = np.flatnonzero(wrong_shares <= risk)
    return float(confidences[order[within[-1]]]) if len(within) else 1.0


def keep_threshold(confidences: Floats, keep: float) -> float:
    """The confidence that a share `keep` of the given in-scope rows reaches; 0.0 without rows."""
    return float(np.quantile(confidences, 1.0 - keep, method="lower")) if len(confidences) else 0.0
