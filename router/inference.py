"""Serving the router: load a bundle, decide; the only module of this package that the gateway imports."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.route import Action, RouteDecision
from router.bundle import ACTION_PREFIX, OUT_OF_SCOPE, ROUTE, Bundle, RouterBundleError, load_bundle
from router.calibration import softmax
from router.encoder import Encoder, EncoderError
from router.features import extract_normalised, normalise

__all__ = ["DEFAULT_BUNDLE", "DEFAULT_ENCODER", "Encoder", "EncoderError", "Router", "RouterBundleError"]

_MODELS = Path(__file__).parent / "models"
DEFAULT_ENCODER = _MODELS / "static-minilm"
DEFAULT_BUNDLE = _MODELS / "default"

_TOOL = f"{ACTION_PREFIX}{Action.TOOL}"


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
        return tuple(self.bundle.manifest.task_actions)

    def decide(
        self, text: str, *, has_tools: bool = False, tasks: Collection[str] | None = None
    ) -> RouteDecision:
        """Decide what is done with a text; never raises.

        `has_tools` says that the request brings tools: without them the action `tool` is out of the question.
        `tasks` are the tasks that may be chosen; None allows every task of the bundle. A text that most likely
        belongs to a task outside of them abstains: the next best task would be the wrong one.
        """
        manifest = self.bundle.manifest
        normalised = normalise(text)
        if not normalised:
            return self._decision(manifest.abstain_action, 0.0, "abstain:empty", abstained=True)
        masses = self._masses(normalised, has_tools=has_tools)
        top = max(masses, key=lambda label: masses[label])
        if top == OUT_OF_SCOPE:
            return self._abstain(masses, "out-of-scope")
        if tasks is not None and top in manifest.task_actions and top not in tasks:
            return self._abstain(masses, "abstain:no-task")
        if masses[top] < manifest.route.thresholds[top]:
            return self._abstain(masses, "abstain:low-probability")
        if top in manifest.task_actions:
            return self._decision(manifest.task_actions[top], masses[top], f"task:{top}", task=top)
        return self._decision(Action(top.removeprefix(ACTION_PREFIX)), masses[top], top)

    def action_probabilities(self, text: str) -> dict[Action, float]:
        """Calibrated probabilities of the four actions, which sum to one; a task counts for its action.

        The probability of being out of scope is divided among them. An action that the bundle was not fitted
        on has probability 0; a text without content has 1 on the configured action.
        """
        normalised = normalise(text)
        if not normalised:
            return {action: float(action is self.bundle.manifest.abstain_action) for action in Action}
        return self._by_action(self._masses(normalised, has_tools=True))

    def logits(self, text: str) -> npt.NDArray[np.float32]:
        """The route head's logits before temperature, in the order of its classes; for evaluation."""
        return self._logits(normalise(text))

    def _abstain(self, masses: Mapping[str, float], reason: str) -> RouteDecision:
        """The configured action, unless escalating is more probable than answering."""
        actions = self._by_action(masses)
        is_hard = actions[Action.ESCALATE] > actions[Action.ANSWER]
        action = Action.ESCALATE if is_hard else self.bundle.manifest.abstain_action
        return self._decision(action, actions[action], reason, abstained=True)

    def _by_action(self, masses: Mapping[str, float]) -> dict[Action, float]:
        totals = dict.fromkeys(Action, 0.0)
        for label, mass in masses.items():
            if label != OUT_OF_SCOPE:
                totals[self._action_of(label)] += mass
        whole = sum(totals.values()) or 1.0
        return {action: total / whole for action, total in totals.items()}

    def _action_of(self, label: str) -> Action:
        task_actions = self.bundle.manifest.task_actions
        return task_actions[label] if label in task_actions else Action(label.removeprefix(ACTION_PREFIX))

    def _masses(self, normalised: str, *, has_tools: bool) -> dict[str, float]:
        """Probabilities of the classes, without `action:tool` where the request brings no tools."""
        head = self.bundle.manifest.route
        probabilities = softmax(self._logits(normalised), head.temperature).tolist()
        masses = dict(zip(head.labels, probabilities, strict=True))
        if not has_tools:
            masses.pop(_TOOL, None)
        total = sum(masses.values())
        return {label: mass / total for label, mass in masses.items()} if total > 0 else masses

    def _logits(self, normalised: str) -> npt.NDArray[np.float32]:
        features = extract_normalised(self.encoder, normalised, self.bundle.manifest.bucket_bits)
        weights = features.weights(self.bundle.inverse_frequencies)
        head = self.bundle.heads[ROUTE]
        sparse = weights @ head.sparse[features.buckets].astype(np.float32)
        return np.asarray(features.dense @ head.dense + sparse + head.bias, dtype=np.float32)

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
