"""Serving the router: load a bundle, decide; the only module of this package that the gateway imports."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.route import Action, RouteDecision
from router.bundle import NO_TASK, OUT_OF_SCOPE, Bundle, HeadWeights, RouterBundleError, load_bundle
from router.calibration import softmax
from router.encoder import Encoder, EncoderError
from router.features import TextFeatures, extract_normalised, normalise

__all__ = [
    "DEFAULT_BUNDLE",
    "DEFAULT_ENCODER",
    "Encoder",
    "EncoderError",
    "Router",
    "RouterBundleError",
    "Scores",
]

_MODELS = Path(__file__).parent / "models"
DEFAULT_ENCODER = _MODELS / "static-minilm"
DEFAULT_BUNDLE = _MODELS / "default"


@dataclass(frozen=True, slots=True)
class Scores:
    """Logits of both heads, before temperature; the order of the classes is that of the bundle's manifest."""

    task: npt.NDArray[np.float32]
    action: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Router:
    """A loaded router; immutable, and safe to share between threads.

    The work of one decision is bounded: of a long text the start and the end are read (`router.features`).
    """

    encoder: Encoder
    bundle: Bundle

    @classmethod
    def load(cls, bundle: Path, encoder: Encoder) -> Router:
        """Read and verify a bundle that was fitted on this encoder.

        Raises:
            RouterBundleError: the bundle cannot be trusted, or belongs to another encoder.
        """
        loaded = load_bundle(bundle)
        if loaded.manifest.encoder_digest != encoder.manifest.digest:
            raise RouterBundleError(
                f"router bundle {bundle.name!r} was fitted on another encoder than {encoder.manifest.name!r} "
                f"({loaded.manifest.encoder_digest[:12]}, not {encoder.manifest.digest[:12]}); fit it again"
            )
        return cls(encoder, loaded)

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of the bundle's content hash."""
        return self.bundle.manifest.version

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that this bundle was fitted on."""
        return tuple(label for label in self.bundle.manifest.task.labels if label != NO_TASK)

    def decide(
        self, text: str, *, has_tools: bool = False, tasks: Collection[str] | None = None
    ) -> RouteDecision:
        """Decide what is done with a text; never raises.

        `has_tools` says that the request brings tools: without them the action `tool` is out of the question.
        `tasks` are the tasks that may be chosen; None allows every task of the bundle.
        """
        manifest = self.bundle.manifest
        normalised = normalise(text)
        if not normalised:
            return self._decision(manifest.abstain_action, 0.0, "abstain:empty", abstained=True)
        scores = self._scores(normalised)
        probabilities = softmax(scores.task, manifest.task.temperature)
        best = manifest.task.labels[int(probabilities.argmax())]
        probability = float(probabilities.max())
        is_open = best != NO_TASK and (tasks is None or best in tasks)
        if is_open and probability >= manifest.task.thresholds[best]:
            return self._decision(manifest.task_actions[best], probability, f"task:{best}", task=best)
        return self._without_task(self._masses(scores, has_tools=has_tools), best, is_open=is_open)

    def action_probabilities(self, text: str) -> dict[Action, float]:
        """Calibrated probabilities of the four actions, which sum to one; texts out of scope are not counted.

        An action that the bundle was not fitted on has probability 0; a text without content has 1 on the
        configured action.
        """
        normalised = normalise(text)
        if not normalised:
            return {action: float(action is self.bundle.manifest.abstain_action) for action in Action}
        masses = self._masses(self._scores(normalised), has_tools=True)
        total = sum(masses.get(action, 0.0) for action in Action) or 1.0
        return {action: masses.get(action, 0.0) / total for action in Action}

    def scores(self, text: str) -> Scores:
        """Logits of both heads, for evaluation and explanation."""
        return self._scores(normalise(text))

    def _without_task(self, masses: Mapping[str, float], best: str, *, is_open: bool) -> RouteDecision:
        """Decide by the action head; what only a task's own action could serve, abstains."""
        top = max(masses, key=lambda label: masses[label])
        needs_task = best != NO_TASK and top == Action.ANSWER
        if top not in (OUT_OF_SCOPE, Action.RETRIEVE) and not needs_task:
            if masses[top] >= self.bundle.manifest.action.thresholds[top]:
                return self._decision(Action(top), masses[top], f"action:{top}")
            return self._abstain(masses, "abstain:low-probability")
        if top == OUT_OF_SCOPE:
            return self._abstain(masses, OUT_OF_SCOPE.strip("()"))
        return self._abstain(masses, "abstain:low-probability" if is_open else "abstain:no-task")

    def _abstain(self, masses: Mapping[str, float], reason: str) -> RouteDecision:
        escalate, answer = (masses.get(action, 0.0) for action in (Action.ESCALATE, Action.ANSWER))
        action = Action.ESCALATE if escalate > answer else self.bundle.manifest.abstain_action
        return self._decision(action, masses.get(action, 0.0), reason, abstained=True)

    def _masses(self, scores: Scores, *, has_tools: bool) -> dict[str, float]:
        """Probabilities of the action head's classes, without `tool` where the request brings no tools."""
        manifest = self.bundle.manifest.action
        probabilities = softmax(scores.action, manifest.temperature).tolist()
        masses = dict(zip(manifest.labels, probabilities, strict=True))
        if not has_tools and len(masses) > 1:
            masses.pop(Action.TOOL, None)
        total = sum(masses.values()) or 1.0
        return {label: mass / total for label, mass in masses.items()}

    def _scores(self, normalised: str) -> Scores:
        features = extract_normalised(self.encoder, normalised, self.bundle.manifest.bucket_bits)
        weights = features.weights(self.bundle.inverse_frequencies)
        heads = (self.bundle.task, self.bundle.action)
        return Scores(*(_logits(head, features, weights) for head in heads))

    def _decision(
        self,
        action: Action,
        probability: float,
        reason: str,
        *,
        task: str | None = None,
        abstained: bool = False,
    ) -> RouteDecision:
        bounded = min(max(probability, 0.0), 1.0)
        return RouteDecision(action, task, bounded, reason, self.version, abstained)


def _logits(
    head: HeadWeights, features: TextFeatures, weights: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    sparse = weights @ head.sparse[features.buckets].astype(np.float32)
    return np.asarray(features.dense @ head.dense + sparse + head.bias, dtype=np.float32)
