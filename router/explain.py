"""Why a router decided as it did: classes, thresholds, and the words that carried the decision."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.route import Action, RouteDecision
from router.calibration import softmax
from router.features import normalise
from router.inference import Router

_WORDS = 60
"""Words that are left out in turn; those after them are not weighed."""


@dataclass(frozen=True, slots=True)
class ClassProbability:
    """One class of the route head with its calibrated probability and its threshold."""

    label: str
    probability: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, the classes by falling probability, each action's probability, and each word's weight.

    The weight of a word is what the probability of the first class loses when the word is left out.
    """

    decision: RouteDecision
    classes: tuple[ClassProbability, ...]
    actions: dict[Action, float]
    words: tuple[tuple[str, float], ...]


def explain(router: Router, text: str, *, has_tools: bool = False) -> Explanation:
    """Explain the decision on one text."""
    head = router.bundle.manifest.route
    probabilities = softmax(router.logits(text), head.temperature).tolist()
    classes = [
        ClassProbability(label, probability, head.thresholds[label])
        for label, probability in zip(head.labels, probabilities, strict=True)
    ]
    classes.sort(key=lambda one: -one.probability)
    decision = router.decide(text, has_tools=has_tools)
    words = _word_weights(router, text, classes[0])
    return Explanation(decision, tuple(classes), router.action_probabilities(text), words)


def _word_weights(router: Router, text: str, first: ClassProbability) -> tuple[tuple[str, float], ...]:
    words = normalise(text).split(" ")[:_WORDS]
    head = router.bundle.manifest.route
    place = head.labels.index(first.label)
    weights = []
    for number, word in enumerate(words):
        rest = " ".join(words[:number] + words[number + 1 :])
        probability = float(softmax(router.logits(rest), head.temperature)[place])
        weights.append((word, round(first.probability - probability, 4)))
    return tuple(sorted(weights, key=lambda pair: -abs(pair[1])))
