"""Fitting a bundle: a linear head over the features, calibrated on rows that it did not see."""

from __future__ import annotations

import random
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no stubs

from contracts.canonical import content_hash, stable_bytes
from contracts.route import Action
from router.augment import noisy_copies
from router.bundle import OUT_OF_SCOPE, ROUTE, Bundle, BundleManifest, HeadManifest, HeadWeights
from router.calibration import (
    expected_calibration_error,
    fit_temperature,
    keep_threshold,
    log_loss,
    risk_threshold,
    softmax,
)
from router.encoder import Encoder
from router.features import FEATURES_VERSION, TextFeatures, extract
from router.rows import Row, RowsError

_MANY_ROWS = 5_000
"""From here no noisy copies are made, one fold is held out instead of five, and one weak penalty is taken
untried: the rows vary enough."""
_INVERSE_PENALTIES = (10.0, 30.0)
"""Candidates for scikit-learn's C; the least log loss on held-out rows decides."""
_INVERSE_PENALTY_OF_MANY = 100.0
_FOLDS = 5
_THREADS = 1
"""Sums in one fixed order give one result; on problems of this size more threads are slower, too."""
_ABSENT_LOGIT = -30.0
"""The logit of a class that a fold's training rows lack; rows of that class are left out of calibration."""
_UNCALIBRATED_THRESHOLD = 0.5
"""Where no row could be held out: more probable than all other classes together."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a bundle is fitted.

    `risk` is the share of wrong decisions tolerated among those made. `keep` is the share of in-scope rows
    whose confidence the threshold may not fall below.
    """

    seed: int = 0
    risk: float = 0.05
    keep: float = 0.95
    abstain_action: Action = Action.ANSWER
    noisy_copies: int = 2
    bucket_bits: int = 14


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Features of all texts, the noisy copies after the originals; `sources` is the original of each line."""

    features: sparse.csr_matrix
    sources: Integers
    inverse_frequencies: Floats


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """Logits of rows by heads that were fitted without their fold, and these rows' classes."""

    logits: Floats
    codes: Integers


def fit(
    rows: Sequence[Row], task_actions: Mapping[str, Action], encoder: Encoder, settings: FitSettings
) -> Bundle:
    """Fit a bundle; the same rows, actions, encoder and settings give the same bundle.

    A task that `task_actions` does not name has the action `answer`.

    Raises:
        RowsError: the rows have fewer than two classes, or all are out of scope.
    """
    actions = {row.task: task_actions.get(row.task, Action.ANSWER) for row in rows if row.task is not None}
    labels = tuple(sorted({row.route_class for row in rows}))
    if len(labels) < 2:
        raise RowsError("the rows have fewer than two classes: there is nothing to tell apart")
    codes = np.array([labels.index(row.route_class) for row in rows])
    matrix = _matrix(rows, encoder, settings)
    penalty, held_out = _chosen_penalty(codes, len(labels), matrix, _folds(rows, settings.seed))
    temperature = fit_temperature(held_out.logits, held_out.codes)
    threshold = _threshold(softmax(held_out.logits, temperature), held_out.codes, labels, settings)
    head = HeadManifest(labels=labels, temperature=temperature, thresholds=dict.fromkeys(labels, threshold))
    manifest = BundleManifest(
        encoder_digest=encoder.manifest.digest,
        features_version=FEATURES_VERSION,
        fit_digest=_digest(rows, actions),
        seed=settings.seed,
        bucket_bits=settings.bucket_bits,
        heads={ROUTE: head},
        task_actions=dict(sorted(actions.items())),
        abstain_action=settings.abstain_action,
        risk_target=settings.risk,
        keep_target=settings.keep,
        metrics={"rows": float(len(rows)), "inverse_penalty": penalty, **_metrics(held_out, head)},
    )
    model = _fit_linear(matrix, codes, np.ones(len(rows), dtype=np.bool_), penalty)
    return Bundle(manifest, matrix.inverse_frequencies, {ROUTE: _weights(model, matrix)})


def _digest(rows: Sequence[Row], actions: Mapping[str, Action]) -> str:
    named = [[row.text, row.task, row.action, row.group] for row in rows]
    return content_hash(stable_bytes(named), stable_bytes(dict(actions)))


def _matrix(rows: Sequence[Row], encoder: Encoder, settings: FitSettings) -> _Matrix:
    chance = random.Random(settings.seed)  # noqa: S311  variety, not secrecy
    copies = settings.noisy_copies if len(rows) < _MANY_ROWS else 0
    texts = [row.text for row in rows]
    sources = list(range(len(rows)))
    for number, row in enumerate(rows):
        texts += noisy_copies(row.text, copies, chance)
        sources += [number] * copies
    features = [extract(encoder, text, settings.bucket_bits) for text in texts]
    frequencies = _inverse_frequencies(features[: len(rows)], 2**settings.bucket_bits)
    return _Matrix(_stack(features, frequencies), np.array(sources), frequencies)


def _inverse_frequencies(features: Sequence[TextFeatures], buckets: int) -> Floats:
    seen = np.bincount(np.concatenate([one.buckets for one in features]), minlength=buckets)
    return np.asarray(np.log((1 + len(features)) / (1 + seen)) + 1, dtype=np.float32)


def _stack(features: Sequence[TextFeatures], inverse_frequencies: Floats) -> sparse.csr_matrix:
    ends = np.cumsum([0, *(len(one.buckets) for one in features)])
    values = np.concatenate([one.weights(inverse_frequencies) for one in features])
    columns = np.concatenate([one.buckets for one in features])
    shape = (len(features), len(inverse_frequencies))
    hashed = sparse.csr_matrix((values, columns, ends), shape=shape, dtype=np.float32)
    dense = sparse.csr_matrix(np.stack([one.dense for one in features]))
    return sparse.hstack([dense, hashed], format="csr", dtype=np.float32)


def _folds(rows: Sequence[Row], seed: int) -> Integers:
    """The fold of each row: groups stay together, and the groups of a class are dealt out evenly."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label, name in dict.fromkeys((row.route_class, row.group) for row in rows):
        groups[label].append(name)
    chance = random.Random(seed)  # noqa: S311  variety, not secrecy
    dealt: dict[str, int] = {}
    for offset, label in enumerate(sorted(groups)):
        chance.shuffle(groups[label])
        for place, name in enumerate(groups[label]):
            dealt.setdefault(name, (place + offset) % _FOLDS)
    return np.array([dealt[row.group] for row in rows])


def _chosen_penalty(
    codes: Integers, classes: int, matrix: _Matrix, folds: Integers
) -> tuple[float, _HeldOut]:
    """The penalty with the least log loss at its own best temperature, and the held-out logits under it."""
    candidates = _INVERSE_PENALTIES if len(codes) < _MANY_ROWS else (_INVERSE_PENALTY_OF_MANY,)
    tried = {penalty: _held_out(codes, classes, matrix, folds, penalty) for penalty in candidates}

    def loss(penalty: float) -> float:
        held_out = tried[penalty]
        return log_loss(held_out.logits, held_out.codes, fit_temperature(held_out.logits, held_out.codes))

    best = min(candidates, key=loss)
    return best, tried[best]


def _held_out(codes: Integers, classes: int, matrix: _Matrix, folds: Integers, penalty: float) -> _HeldOut:
    parts: list[Floats] = [np.empty((0, classes), dtype=np.float32)]
    numbers: list[Integers] = [np.empty(0, dtype=np.int64)]
    for fold in range(_FOLDS) if len(codes) < _MANY_ROWS else range(1):
        is_training = folds != fold
        rows = np.flatnonzero(~is_training & np.isin(codes, codes[is_training]))
        if len(rows) and len(np.unique(codes[is_training])) > 1:
            model = _fit_linear(matrix, codes, is_training, penalty)
            parts.append(_predict(model, matrix.features[rows], classes))
            numbers.append(rows)
    return _HeldOut(np.concatenate(parts), codes[np.concatenate(numbers)])


def _fit_linear(
    matrix: _Matrix, codes: Integers, is_training: npt.NDArray[np.bool_], penalty: float
) -> LogisticRegression:
    """Multinomial logistic regression over the chosen rows and their noisy copies."""
    lines = np.flatnonzero(is_training[matrix.sources])
    model = LogisticRegression(C=penalty, tol=1e-3, max_iter=200)
    with warnings.catch_warnings(), threadpool_limits(_THREADS):
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(matrix.features[lines], codes[matrix.sources[lines]])


def _predict(model: LogisticRegression, features: sparse.csr_matrix, classes: int) -> Floats:
    coefficients, bias = _columns(model)
    logits = np.full((features.shape[0], classes), _ABSENT_LOGIT, dtype=np.float32)
    logits[:, model.classes_] = features @ coefficients + bias
    return logits


def _columns(model: LogisticRegression) -> tuple[Floats, Floats]:
    """Weights [features, classes] and bias [classes]; a two-class model has one row, of the second class."""
    rows, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        rows, bias = np.concatenate((-rows, rows)) / 2, np.concatenate((-bias, bias)) / 2
    return np.asarray(rows.T, dtype=np.float32), np.asarray(bias, dtype=np.float32)


def _weights(model: LogisticRegression, matrix: _Matrix) -> HeadWeights:
    dims = matrix.features.shape[1] - len(matrix.inverse_frequencies)
    coefficients, bias = _columns(model)
    return HeadWeights(coefficients[:dims], coefficients[dims:].astype(np.float16), bias)


def _threshold(probabilities: Floats, codes: Integers, labels: Sequence[str], settings: FitSettings) -> float:
    """One threshold for all classes: the larger of what the risk demands and what the in-scope rows reach."""
    if not len(codes):
        return _UNCALIBRATED_THRESHOLD
    tops, best = probabilities.max(axis=1), probabilities.argmax(axis=1)
    rest = labels.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in labels else -1
    is_decided = best != rest
    by_risk = risk_threshold(tops[is_decided], (best == codes)[is_decided], settings.risk)
    by_scope = keep_threshold(tops[(codes != rest) & is_decided], settings.keep)
    return round(max(by_risk, by_scope), 6)


def _metrics(held_out: _HeldOut, head: HeadManifest) -> dict[str, float]:
    raw, calibrated = softmax(held_out.logits, 1.0), softmax(held_out.logits, head.temperature)
    is_correct = calibrated.argmax(axis=1) == held_out.codes
    metrics = {
        "held_out_rows": float(len(is_correct)),
        "accuracy": float(is_correct.mean()) if len(is_correct) else 0.0,
        "ece_before": expected_calibration_error(raw.max(axis=1), is_correct),
        "ece_after": expected_calibration_error(calibrated.max(axis=1), is_correct),
    }
    return {name: round(value, 6) for name, value in metrics.items()}
