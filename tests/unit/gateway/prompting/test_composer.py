"""From a routed request to the first job."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.output import ChoiceOutput, JsonObjectOutput, TextOutput
from contracts.route import Action, RouteDecision
from contracts.task import Task
from gateway.errors import InvalidRequestError
from gateway.prompting.composer import UNTASKED_DEADLINE_SECONDS, PromptComposer
from gateway.records import AttemptKind, Chat, Endpoint, Job, Passage, ToolUse
from tests.unit.gateway.fakes import WEATHER, FakeClock, make_chat, make_route, make_task

CALL = RouteDecision(Action.TOOL, None, 0.9, "tool")


def compose(chat: Chat, task: Task | None = None, *, passages: tuple[Passage, ...] = (), **route: Any) -> Job:
    composer = PromptComposer(clock=FakeClock(100.0), native_pools=frozenset({"large"}))
    return composer.compose(chat, make_route(task=task, **route), passages)


def test_without_a_task_the_clients_messages_are_asked() -> None:
    job = compose(make_chat("hi", max_tokens=5, choices=2, stream=True))
    assert job.messages == [{"role": "user", "content": "hi"}]
    assert (job.kind, job.max_tokens, job.is_max_tokens_fixed) == (AttemptKind.FIRST, 5, True)
    assert (job.choices, job.stream, job.output, job.tools) == (2, True, None, ())
    assert job.deadline == 100.0 + UNTASKED_DEADLINE_SECONDS


def test_a_task_writes_the_prompt_the_contract_and_the_bounds() -> None:
    task = make_task(
        instructions="Extract.",
        prompt="Text: {{ input }} ({{ variables.tone }})",
        variables={"tone": "dry"},
        output={"kind": "json_object"},
        sampling={"temperature": 0.5, "max_tokens": 77},
        policy={"deadline_seconds": 9},
    )
    job = compose(make_chat("hi"), task)
    assert job.messages == [
        {"role": "system", "content": "Extract."},
        {"role": "user", "content": "Text: hi (dry)"},
    ]
    assert job.output == JsonObjectOutput(kind="json_object")
    assert (job.sampling, job.max_tokens, job.is_max_tokens_fixed) == ({"temperature": 0.5}, 77, False)
    assert job.deadline == 109.0


def test_a_task_keeps_the_turns_before_the_last() -> None:
    earlier = ({"role": "user", "content": "one"}, {"role": "assistant", "content": "two"})
    chat = make_chat("three", messages=(*earlier, {"role": "user", "content": "three"}))
    job = compose(chat, make_task(prompt="> {{ input }}"))
    assert job.messages == [*earlier, {"role": "user", "content": "> three"}]


def test_a_task_takes_a_completions_prompt_as_its_input() -> None:
    chat = make_chat("hi", endpoint=Endpoint.COMPLETIONS, messages=(), prompt="hi")
    assert compose(chat).prompt == "hi"
    job = compose(chat, make_task(prompt="> {{ input }}"))
    assert (job.prompt, job.messages) == (None, [{"role": "user", "content": "> hi"}])


def test_a_tasks_prompt_takes_the_users_turn_and_leaves_a_tools_result() -> None:
    messages = ({"role": "user", "content": "hi"}, {"role": "tool", "tool_call_id": "c", "content": "42"})
    job = compose(make_chat("hi", messages=messages), make_task(prompt="> {{ input }}"))
    assert [message["content"] for message in job.messages] == ["> hi", "Function result: 42"]


def test_passages_reach_the_template_numbered_from_one() -> None:
    task = make_task(
        prompt="{% for p in passages %}[{{ p.number }}] {{ p.title }}: {{ p.text }} {% endfor %}"
    )
    passages = (Passage("a.md", "A", "alpha", 0, 5, 0.9), Passage("b.md", "B", "beta", 0, 4, 0.8))
    assert compose(make_chat("?"), task, passages=passages).messages == [
        {"role": "user", "content": "[1] A: alpha [2] B: beta"}
    ]


def test_a_variable_that_nobody_gives_is_the_clients_to_mend() -> None:
    with pytest.raises(InvalidRequestError, match=r"'tone'.*firstline\.variables") as caught:
        compose(make_chat("hi"), make_task(prompt="{{ variables.tone }}"))
    assert caught.value.param == "firstline"


def test_the_clients_sampling_wins_over_the_tasks() -> None:
    task = make_task(sampling={"temperature": 0.7})
    assert compose(make_chat(sampling={"temperature": 0.1}), task).sampling == {"temperature": 0.1}
    assert compose(make_chat(sampling={"top_p": 0.5}), task).sampling == {"top_p": 0.5}
    assert compose(make_chat(sampling={"seed": 3}), task).sampling == {"temperature": 0.7, "seed": 3}


def test_a_tasks_contract_cannot_be_changed() -> None:
    choice = ChoiceOutput(kind="choice", choices=("a",))
    task = make_task(output={"kind": "json_object"})
    with pytest.raises(InvalidRequestError, match="'invoice' has an output contract of its own") as caught:
        compose(make_chat(output=choice), task)
    assert caught.value.param == "response_format"
    assert compose(make_chat(output=JsonObjectOutput(kind="json_object")), task).output == task.output


def test_a_text_task_takes_the_requests_contract() -> None:
    choice = ChoiceOutput(kind="choice", choices=("a",))
    assert compose(make_chat(output=choice), make_task()).output == choice
    assert compose(make_chat(), make_task()).output == TextOutput()


def test_a_decided_call_is_forced_greedy_and_described() -> None:
    job = compose(make_chat("rain?", tools=(WEATHER,)), decision=CALL)
    assert job.tool_use is ToolUse.REQUIRED
    assert job.output is not None
    assert job.output == job.call
    assert job.sampling == {"temperature": 0.0}
    assert [message["role"] for message in job.messages] == ["system", "user"]
    assert "get_weather" in str(job.messages[0]["content"])


def test_a_named_call_stays_named_and_keeps_the_clients_sampling() -> None:
    chat = make_chat(tools=(WEATHER,), tool_use=ToolUse.NAMED, sampling={"temperature": 1})
    job = compose(chat, decision=CALL)
    assert (job.tool_use, job.sampling) == (ToolUse.NAMED, {"temperature": 1})


def test_an_answer_on_a_small_model_gets_no_tools() -> None:
    job = compose(make_chat(tools=(WEATHER,), output=JsonObjectOutput(kind="json_object")))
    assert (job.tools, job.call, job.tool_use) == ((), None, ToolUse.NONE)
    assert job.output == JsonObjectOutput(kind="json_object")


def test_an_upstream_with_tools_of_its_own_gets_the_messages_untouched_and_decides() -> None:
    messages = (
        {"role": "developer", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "y"}]},
    )
    chat = make_chat(messages=messages, tools=(WEATHER,), output=JsonObjectOutput(kind="json_object"))
    job = compose(chat, pool="large")
    assert job.messages == messages
    assert (job.tools, job.tool_use) == ((WEATHER,), ToolUse.AUTO)
    assert job.output == JsonObjectOutput(kind="json_object")
    assert job.call is not None
