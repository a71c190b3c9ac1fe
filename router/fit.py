"""Fitting a bundle: two linear heads over one feature extraction, calibrated on rows they did not see."""

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

from contracts.canonical import content_hash, stable_bytes
from contracts.route import Action
from router.augment import noisy_copies
from router.bundle import NO_TASK, OUT_OF_SCOPE, Bundle, BundleManifest, HeadManifest, HeadWeights
from router.calibration import (
    expected_calibration_error,
    fit_temperature,
    keep_threshold,
    risk_threshold,
    softmax,
)
from router.encoder import Encoder
from router.features import TextFeatures, extract
from router.rows import Row, RowsError

_MANY_ROWS = 5_000
"""From here no noisy copies are made, and one fold is held out instead of five: the rows vary enough."""
_FOLDS = 5
_ABSENT_LOGIT = -30.0
"""The logit of a class that a fold's training rows lack; rows of that class are left out of calibration."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a bundle is fitted.

    `risk` is the share of wrong decisions tolerated among those made. `keep` is the share of in-scope rows
    whose confidence the threshold may not fall below. `inverse_penalty` is scikit-learn's C.
    """

    seed: int = 0
    risk: float = 0.05
    keep: float = 0.95
    abstain_action: Action = Action.ANSWER
    noisy_copies: int = 2
    bucket_bits: int = 14
    inverse_penalty: float = 100.0


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Features of all texts, the noisy copies after the originals; `sources` is the original of each line."""

    features: sparse.csr_matrix
    sources: Integers
    originals: int
    inverse_frequencies: Floats


@dataclass(frozen=True, slots=True)
class _Head:
    manifest: HeadManifest
    weights: HeadWeights
    metrics: dict[str, float]


def fit(
    rows: Sequence[Row], task_actions: Mapping[str, Action], encoder: Encoder, settings: FitSettings
) -> Bundle:
    """Fit both heads on the rows; the same rows, actions, encoder and settings give the same bundle.

    A task that `task_actions` does not name has the action `answer`.

    Raises:
        RowsError: no row belongs to a task or an action, or no two classes are told apart.
    """
    actions = {row.task: task_actions.get(row.task, Action.ANSWER) for row in rows if row.task is not None}
    task_labels = [row.task or NO_TASK for row in rows]
    action_labels = [_action_label(row, actions) for row in rows]
    if set(action_labels) == {OUT_OF_SCOPE} or len({*task_labels, *action_labels}) < 3:
        raise RowsError("the rows name fewer than two classes: nothing is to be told apart")
    matrix = _matrix(rows, encoder, settings)
    folds = _folds(rows, task_labels, settings.seed)
    task = _fit_head(task_labels, matrix, folds, settings, rest=NO_TASK)
    action = _fit_head(action_labels, matrix, folds, settings, rest=OUT_OF_SCOPE)
    metrics = {f"task_{name}": value for name, value in task.metrics.items()}
    metrics |= {f"action_{name}": value for name, value in action.metrics.items()}
    manifest = BundleManifest(
        encoder_digest=encoder.manifest.digest,
        fit_digest=_digest(rows, actions),
        seed=settings.seed,
        bucket_bits=settings.bucket_bits,
        task=task.manifest,
        action=action.manifest,
        task_actions=dict(sorted(actions.items())),
        abstain_action=settings.abstain_action,
        risk_target=settings.risk,
        keep_target=settings.keep,
        metrics={"rows": float(len(rows)), **metrics},
    )
    return Bundle(manifest, matrix.inverse_frequencies, task.weights, action.weights)


def _action_label(row: Row, actions: Mapping[str, Action]) -> str:
    if row.task is not None:
        return actions[row.task]
    return OUT_OF_SCOPE if row.action is None else row.action


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
    return _Matrix(_stack(features, frequencies), np.array(sources), len(rows), frequencies)


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


def _folds(rows: Sequence[Row], labels: Sequence[str], seed: int) -> Integers:
    """The fold of each row: groups stay together, and the groups of a label are dealt out evenly."""
    groups: dict[str, list[str]] = defaultdict(list)
    for row, label in zip(rows, labels, strict=True):
        if row.group not in groups[label]:
            groups[label].append(row.group)
    chance = random.Random(seed)  # noqa: S311  variety, not secrecy
    dealt: dict[str, int] = {}
    for offset, label in enumerate(sorted(groups)):
        names = groups[label]
        chance.shuffle(names)
        for place, name in enumerate(names):
            dealt.setdefault(name, (place + offset) % _FOLDS)
    return np.array([dealt[row.group] for row in rows])


def _fit_head(
    labels: Sequence[str], matrix: _Matrix, folds: Integers, settings: FitSettings, *, rest: str
) -> _Head:
    classes = tuple(sorted(set(labels)))
    codes = np.array([classes.index(label) for label in labels])
    logits, held_out = _held_out_logits(codes, len(classes), matrix, folds, settings)
    temperature = fit_temperature(logits, codes[held_out])
    probabilities = softmax(logits, temperature)
    threshold = _threshold(probabilities, codes[held_out], classes, rest, settings)
    model = _fit_linear(matrix, codes, np.ones(len(labels), dtype=np.bool_), settings)
    weights = _weights(model, classes, matrix)
    head = HeadManifest(labels=classes, temperature=temperature, thresholds=dict.fromkeys(classes, threshold))
    is_correct = probabilities.argmax(axis=1) == codes[held_out]
    metrics = {
        "held_out_rows": float(len(held_out)),
        "accuracy": float(is_correct.mean()) if len(held_out) else 0.0,
        "ece_before": expected_calibration_error(softmax(logits, 1.0).max(axis=1), is_correct),
        "ece_after": expected_calibration_error(probabilities.max(axis=1), is_correct),
    }
    return _Head(head, weights, {name: round(value, 6) for name, value in metrics.items()})


def _held_out_logits(
    codes: Integers, classes: int, matrix: _Matrix, folds: Integers, settings: FitSettings
) -> tuple[Floats, Integers]:
    """Logits of rows by heads that were fitted without their fold, and these rows' numbers."""
    used = range(_FOLDS) if len(codes) < _MANY_ROWS else range(1)
    parts: list[Floats] = [np.empty((0, classes), dtype=np.float32)]
    numbers: list[Integers] = [np.empty(0, dtype=np.int64)]
    for fold in used:
        is_training = folds != fold
        known = np.isin(codes, codes[is_training])
        held_out = np.flatnonzero(~is_training & known)
        if len(held_out) and len(np.unique(codes[is_training])) > 1:
            model = _fit_linear(matrix, codes, is_training, settings)
            parts.append(_predict(model, matrix.features[held_out], classes))
            numbers.append(held_out)
    return np.concatenate(parts), np.concatenate(numbers)


def _fit_linear(
    matrix: _Matrix, codes: Integers, is_training: npt.NDArray[np.bool_], settings: FitSettings
) -> LogisticRegression | None:
    """Multinomial logistic regression over the chosen rows and their noisy copies; None for one class."""
    lines = np.flatnonzero(is_training[matrix.sources])
    targets = codes[matrix.sources[lines]]
    if len(np.unique(targets)) < 2:
        return None
    model = LogisticRegression(C=settings.inverse_penalty, tol=1e-3, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(matrix.features[lines], targets)


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


def _weights(model: LogisticRegression | None, classes: Sequence[str], matrix: _Matrix) -> HeadWeights:
    buckets = len(matrix.inverse_frequencies)
    dims = matrix.features.shape[1] - buckets
    coefficients, bias = (
        (np.zeros((dims + buckets, len(classes)), dtype=np.float32), np.zeros(len(classes), dtype=np.float32))
        if model is None
        else _columns(model)
    )
    return HeadWeights(coefficients[:dims], coefficients[dims:].astype(np.float16), bias)


def _threshold(
    probabilities: Floats, codes: Integers, classes: Sequence[str], rest: str, settings: FitSettings
) -> float:
    """One threshold for all classes: the larger of what the risk demands and what the in-scope rows reach."""
    tops, best = probabilities.max(axis=1), probabilities.argmax(axis=1)
    rest_code = classes.index(rest) if rest in classes else -1
    is_decided = best != rest_code
    by_risk = risk_threshold(tops[is_decided], (best == codes)[is_decided], settings.risk)
    by_scope = keep_threshold(tops[(codes != rest_code) & is_decided], settings.keep)
    return round(max(by_risk, by_scope), 6) if len(codes) else 0.5
