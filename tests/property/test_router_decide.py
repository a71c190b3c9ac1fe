"""The router decides on any text: no exception, probabilities that are probabilities."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from contracts.route import Action
from router.inference import DEFAULT_BUNDLE, DEFAULT_ENCODER, Encoder, Router

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=400)


@cache
def _router() -> Router:
    return Router.load(DEFAULT_BUNDLE, Encoder.load(DEFAULT_ENCODER))


@given(text=ANY_TEXT, has_tools=st.booleans(), tasks=st.none() | st.sets(st.sampled_from(_router().tasks)))
def test_every_text_gets_a_decision_within_the_rules(
    text: str, has_tools: bool, tasks: set[str] | None
) -> None:
    decision = _router().decide(text, has_tools=has_tools, tasks=tasks)
    assert 0.0 <= decision.probability <= 1.0
    assert has_tools or decision.action is not Action.TOOL
    assert decision.task is None or tasks is None or decision.task in tasks
    assert decision == _router().decide(text, has_tools=has_tools, tasks=tasks)


@given(text=ANY_TEXT)
def test_the_probabilities_of_the_actions_sum_to_one(text: str) -> None:
    probabilities = _router().action_probabilities(text)
    assert abs(sum(probabilities.values()) - 1.0) < 1e-5
    assert min(probabilities.values()) >= 0.0


@given(text=ANY_TEXT)
def test_case_and_final_punctuation_never_change_a_decision(text: str) -> None:
    assert _router().decide(text + " ?!") == _router().decide(text)
