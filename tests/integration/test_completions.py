"""`POST /v1/completions`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.calls import assert_error
from tests.support.settings_files import MODEL
from tests.support.sse import DONE, chunks_of, events_of, text_of
from tests.support.stub_engine import Reply, StubEngine

COMPLETIONS = "/v1/completions"


def body_of(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "prompt": "Once upon", **more}


async def test_a_prompt_is_completed_in_openais_format(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text=" a time."))
    response = await client.post(COMPLETIONS, json=body_of(max_tokens=20))
    body = response.json()
    assert body["object"] == "text_completion"
    assert body["id"].startswith("cmpl-")
    (choice,) = body["choices"]
    assert choice["text"] == " a time."
    assert choice["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] == 3
    assert body["firstline"]["outcome"] == response.headers["x-firstline-outcome"] == "valid"
    (sent,) = engine.generations
    assert sent.path == COMPLETIONS
    assert sent.body["prompt"] == "Once upon"


async def test_a_completion_streams(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(tokens=(" a", " time")))
    request = body_of(stream=True, stream_options={"include_usage": True})
    response = await client.post(COMPLETIONS, json=request)
    chunks = chunks_of(response.text)
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert text_of(chunks) == " a time"
    assert chunks[-1]["usage"]["completion_tokens"] == 2
    assert chunks[-1]["firstline"]["outcome"] == "valid"
    assert events_of(response.text)[-1].data == DONE


async def test_a_list_of_one_prompt_is_that_prompt(client: httpx.AsyncClient, engine: StubEngine) -> None:
    await client.post(COMPLETIONS, json=body_of(prompt=["Once upon"]))
    assert engine.generations[0].body["prompt"] == "Once upon"


@pytest.mark.parametrize("prompt", [[], ["a", "b"], 5, [1, 2], None])
async def test_other_prompts_are_refused_by_name(client: httpx.AsyncClient, prompt: Any) -> None:
    response = await client.post(COMPLETIONS, json=body_of(prompt=prompt))
    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith("prompt")


async def test_a_constraint_reaches_the_engine(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="green"))
    constraint = {"choice": ["red", "green"]}
    response = await client.post(COMPLETIONS, json=body_of(structured_outputs=constraint))
    assert response.json()["choices"][0]["text"] == "green"
    assert engine.generations[0].body["structured_outputs"] == constraint


async def test_a_task_takes_the_prompt_as_its_input(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="billing"))
    response = await client.post(COMPLETIONS, json=body_of(model="ticket-triage", prompt="Charged twice"))
    assert response.json()["choices"][0]["text"] == "billing"
    assert response.headers["x-firstline-task"] == "ticket-triage"


async def test_log_probabilities_are_passed_on(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="a b"))
    response = await client.post(COMPLETIONS, json=body_of(logprobs=1))
    assert response.json()["choices"][0]["logprobs"]["tokens"] == ["a", " b"]


async def test_suffix_is_refused_by_name(client: httpx.AsyncClient) -> None:
    response = await client.post(COMPLETIONS, json=body_of(suffix="end"))
    assert_error(response, 400, "unsupported_parameter", param="suffix")
