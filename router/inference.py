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
from router.features import FEATURES_VERSION, extract_normalised, normalise

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
            RouterBundleError: the bundle cannot be trusted, or belongs to another encoder or other features.
        """
        loaded = load_bundle(bundle)
        if loaded.manifest.encoder_digest != encoder.manifest.digest:
            raise RouterBundleError(
                f"router bundle {bundle.name!r} was fitted on another encoder than {encoder.manifest.name!r} "
                f"({loaded.manifest.encoder_digest[:12]}, not {encoder.manifest.digest[:12]}); fit it again"
            )
        if loaded.manifest.features_version != FEATURES_VERSION:
            raise RouterBundleError(
                f"router bundle {bundle.name!r} was fitted on features of version "
                f"{loaded.manifest.features_version}, not {FEATURES_VERSION}; fit it again"
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

        Without `has_tools` the action `tool` is out of the question: a text that most likely needs one
        abstains, and for others its probability goes to the other classes. `tasks` are those that may be
        chosen, None for all: a text that most likely belongs to another abstains, the next best being wrong.
        """
        manifest = self.bundle.manifest
        normalised = normalise(text)
        if not normalised:
            return self._decision(manifest.abstain_action, 0.0, "abstain:empty", abstained=True)
        masses = self._masses(normalised)
        top = max(masses, key=lambda label: masses[label])
        if not has_tools:
            masses = _without(_TOOL, masses)
        doubt = self._doubt(top, masses, tasks)
        if doubt:
            return self._abstain(masses, doubt)
        task = top if top in manifest.task_actions else None
        reason = f"task:{top}" if task else top
        return self._decision(self._action_of(top), masses[top], reason, task=task)

    def action_probabilities(self, text: str) -> dict[Action, float]:
        """Calibrated probabilities of the four actions, which sum to one; a task counts for its action.

        The probability of being out of scope is divided among them. An action that the bundle was not fitted
        on has probability 0; a text without content has 1 on the configured action.
        """
        normalised = normalise(text)
        if not normalised:
            return {action: float(action is self.bundle.manifest.abstain_action) for action in Action}
        return self._by_action(self._masses(normalised))

    def logits(self, text: str) -> npt.NDArray[np.float32]:
        """The route head's logits before temperature, in the order of its classes; for evaluation."""
        return self._logits(normalise(text))

    def _doubt(self, top: str, masses: Mapping[str, float], tasks: Collection[str] | None) -> str:
        """Why the most probable class is not decided for; "" where it is."""
        if top not in masses:
            return "abstain:no-tools"
        if top == OUT_OF_SCOPE:
            return "out-of-scope"
        if tasks is not None and top in self.bundle.manifest.task_actions and top not in tasks:
            return "abstain:no-task"
        return "" if masses[top] >= self.bundle.manifest.route.thresholds[top] else "abstain:low-probability"

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

    def _masses(self, normalised: str) -> dict[str, float]:
        head = self.bundle.manifest.route
        probabilities = softmax(self._logits(normalised), head.temperature).tolist()
        return dict(zip(head.labels, probabilities, strict=True))

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


def _without(label: str, masses: Mapping[str, float]) -> dict[str, float]:
    """The other classes' probabilities, made to sum to one again."""
    kept = {name: mass for name, mass in masses.items() if name != label}
    total = sum(kept.values()) or 1.0
    return {name: mass / total for name, mass in kept.items()}
