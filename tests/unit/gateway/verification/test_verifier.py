"""The question to a second model."""

from __future__ import annotations

import pytest

from contracts.output import ChoiceOutput
from contracts.prompt import PromptError
from contracts.verification import Verifier
from gateway.records import AttemptKind, ToolUse
from gateway.verification import verdict_of, verifier_job
from tests.unit.gateway.fakes import WEATHER, make_job, make_route, make_task

VERIFIER = Verifier(model="large", question="Text: {{ input }}\nAnswer: {{ answer }}\nIs it right?")


def test_the_question_goes_to_the_verifiers_model_under_a_grammar() -> None:
    route = make_route(adapter="invoice@0123456789ab", task=make_task())
    first = make_job(tools=(WEATHER,), route=route, choices=3, stream=True, max_tokens=900, deadline=7.0)
    job = verifier_job(first, VERIFIER, pool="upstream", input_text="{{ x }}", answer_text='{"a":1}')
    assert (job.kind, job.route.pool, job.route.model, job.route.adapter) == (
        AttemptKind.VERIFIER,
        "upstream",
        "large",
        None,
    )
    assert job.route.task == make_task()
    assert job.messages[-1] == {"role": "user", "content": 'Text: {{ x }}\nAnswer: {"a":1}\nIs it right?'}
    assert job.output == ChoiceOutput(kind="choice", choices=("yes", "no"))
    assert (job.max_tokens, job.is_max_tokens_fixed, job.sampling) == (4, True, {"temperature": 0.0})
    assert (job.stream, job.choices, job.call, job.tools, job.tool_use) == (False, 1, None, (), ToolUse.NONE)
    assert (job.prompt, job.deadline) == (None, 7.0)


@pytest.mark.parametrize("question", ["{{ output }}", "{{ input", "{{ 1 // 0 }}"])
def test_a_question_that_fails_is_a_prompt_error(question: str) -> None:
    with pytest.raises(PromptError, match="the verifier's question: "):
        verifier_job(
            make_job(), Verifier(model="m", question=question), pool="p", input_text="", answer_text=""
        )


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("yes", True), (" Yes\n", True), ("no", False), ("", False), ("yes, but", False), ("maybe", False)],
)
def test_only_yes_confirms(text: str, verdict: bool) -> None:
    assert verdict_of(text) is verdict
