"""`model: auto`: the router's decision, what it leads to, and what the caller is told of it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.calls import (
    INVOICE,
    INVOICE_JSON,
    INVOICE_TEXT,
    WEATHER_TOOL,
    YES_NO,
    assert_error,
    chat_body,
    schema_format,
)
from tests.support.gateway_fixtures import StartGateway
from tests.support.settings_files import MODEL, UPSTREAM_MODEL
from tests.support.sse import chunks_of
from tests.support.stub_engine import Reply, StubEngine

CHAT = "/v1/chat/completions"
HARD = "Give a rigorous proof of the fundamental theorem of algebra."
HARD_RETURN = f"{HARD} Then say within how many days a device may be returned."
QUESTION = "How many days do I have to return a device?"
WEATHER = "What is the weather in Lisbon?"
CALL = '{"name":"get_weather","arguments":{"city":"Lisbon"}}'


def auto(text: str, **more: Any) -> dict[str, Any]:
    return chat_body(text, model="auto", **more)


async def test_a_text_that_fits_a_task_is_answered_by_it(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=INVOICE_JSON))
    response = await client.post(CHAT, json=auto(INVOICE_TEXT))
    assert json.loads(response.json()["choices"][0]["message"]["content"]) == INVOICE
    headers = response.headers
    assert headers["x-firstline-action"] == "answer"
    assert headers["x-firstline-task"] == "invoice-extract"
    assert 0.5 < float(headers["x-firstline-confidence"]) < 1.0
    assert "response_format" in engine.generations[0].body


async def test_a_question_on_the_documents_is_retrieved(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    response = await client.post(CHAT, json=auto(QUESTION))
    assert response.headers["x-firstline-action"] == "retrieve"
    assert response.headers["x-firstline-task"] == "docs-answer"
    assert response.json()["firstline"]["citations"][0]["document"] == "returns.md"
    assert "within 30 days" in engine.generations[0].body["messages"][-1]["content"]


async def test_a_request_with_tools_calls_one_where_it_fits(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=CALL))
    response = await client.post(CHAT, json=auto(WEATHER, tools=[WEATHER_TOOL]))
    assert response.headers["x-firstline-action"] == "tool"
    (call,) = response.json()["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Lisbon"}


async def test_a_tools_result_ends_the_loop(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Sunny."))
    call = {"id": "c1", "type": "function", "function": json.loads(CALL) | {"arguments": "{}"}}
    turns = [
        {"role": "user", "content": WEATHER},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny, 24 degrees"},
    ]
    response = await client.post(CHAT, json={"model": "auto", "messages": turns, "tools": [WEATHER_TOOL]})
    assert response.json()["choices"][0]["message"]["content"] == "Sunny."
    assert engine.generations[0].body["messages"][-1]["content"] == "Function result: sunny, 24 degrees"


async def test_auto_keeps_the_requests_own_contract(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text='{"answer":"yes"}'))
    response = await client.post(CHAT, json=auto(INVOICE_TEXT, response_format=schema_format(YES_NO)))
    assert json.loads(response.json()["choices"][0]["message"]["content"]) == {"answer": "yes"}
    assert "x-firstline-task" not in response.headers


@pytest.mark.parametrize("has_pool", [True, False])
async def test_a_question_on_the_documents_keeps_its_passages_where_it_is_too_hard(
    client: httpx.AsyncClient,
    escalating_client: httpx.AsyncClient,
    engine: StubEngine,
    upstream: StubEngine,
    has_pool: bool,
) -> None:
    asked = escalating_client if has_pool else client
    response = await asked.post(CHAT, json=chat_body(HARD_RETURN, model="docs-answer"))
    assert response.headers["x-firstline-action"] == "escalate"
    assert response.json()["firstline"]["citations"]
    (generation,) = (upstream if has_pool else engine).generations
    assert "[1] Returns" in generation.body["messages"][-1]["content"]


async def test_without_tools_none_is_called(client: httpx.AsyncClient, engine: StubEngine) -> None:
    response = await client.post(CHAT, json=auto(WEATHER))
    assert response.headers["x-firstline-action"] == "answer"
    assert "tool_calls" not in response.json()["choices"][0]["message"]


async def test_a_hard_request_is_escalated(
    escalating_client: httpx.AsyncClient, engine: StubEngine, upstream: StubEngine
) -> None:
    upstream.script(Reply(text="By Liouville's theorem."))
    response = await escalating_client.post(CHAT, json=auto(HARD))
    body = response.json()
    assert body["choices"][0]["message"]["content"] == "By Liouville's theorem."
    assert body["model"] == UPSTREAM_MODEL
    headers = response.headers
    assert headers["x-firstline-action"] == "escalate"
    assert headers["x-firstline-outcome"] == "escalated"
    assert headers["x-firstline-model"] == UPSTREAM_MODEL
    assert headers["x-firstline-attempts"] == "1"
    assert engine.generations == []


async def test_without_a_second_pool_the_small_model_answers_and_says_so(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    response = await client.post(CHAT, json=auto(HARD))
    assert response.status_code == 200
    assert response.headers["x-firstline-action"] == "escalate"
    assert response.headers["x-firstline-degraded"] == "no-escalation-pool"
    assert response.headers["x-firstline-outcome"] == "valid"
    assert response.headers["x-firstline-model"] == MODEL
    assert response.json()["firstline"]["degraded"] == "no-escalation-pool"
    assert len(engine.generations) == 1


async def test_a_stream_says_too_that_it_is_degraded(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=auto(HARD, stream=True))
    assert response.headers["x-firstline-degraded"] == "no-escalation-pool"
    assert chunks_of(response.text)[-1]["firstline"]["degraded"] == "no-escalation-pool"


async def test_a_task_may_refuse_where_it_cannot_escalate(
    start_gateway: StartGateway, engine: StubEngine
) -> None:
    tasks = {"ticket-triage": {"policy": {"without_escalation_pool": "refuse"}}}
    gateway = start_gateway(engine, tasks=tasks)
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        response = await client.post(CHAT, json=chat_body(HARD, model="ticket-triage"))
    assert response.status_code == 200
    message = response.json()["choices"][0]["message"]
    assert response.headers["x-firstline-action"] == "escalate"
    assert response.headers["x-firstline-outcome"] == "refused"
    assert response.headers["x-firstline-degraded"] == "no-escalation-pool"
    assert "larger model" in message["refusal"]
    assert message["content"] is None
    assert engine.generations == []


async def test_a_text_that_fits_nothing_goes_to_the_default_model(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    response = await client.post(CHAT, json=auto("qwzx plorf"))
    assert response.headers["x-firstline-model"] == MODEL
    assert response.headers.get("x-firstline-task", "") == ""
    assert engine.generations[0].body["messages"] == [{"role": "user", "content": "qwzx plorf"}]


@pytest.mark.parametrize("text", ["", "   \n", "?"])
async def test_a_text_without_content_is_still_answered(client: httpx.AsyncClient, text: str) -> None:
    assert (await client.post(CHAT, json=auto(text))).status_code == 200


async def test_the_last_user_turn_decides(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text=INVOICE_JSON))
    turns = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "30 days."},
        {"role": "user", "content": [{"type": "text", "text": INVOICE_TEXT}]},
    ]
    response = await client.post(CHAT, json={"model": "auto", "messages": turns})
    assert response.headers["x-firstline-task"] == "invoice-extract"


async def test_a_required_tool_is_called_whatever_the_router_thinks(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=CALL))
    response = await client.post(CHAT, json=auto(HARD, tools=[WEATHER_TOOL], tool_choice="required"))
    assert response.headers["x-firstline-action"] == "tool"


async def test_a_task_with_a_contract_takes_no_other_schema(client: httpx.AsyncClient) -> None:
    request = chat_body(INVOICE_TEXT, model="invoice-extract", response_format={"type": "json_object"})
    assert_error(await client.post(CHAT, json=request), 400, "invalid_request", param="response_format")


async def test_tools_do_not_go_with_a_task(client: httpx.AsyncClient) -> None:
    request = chat_body(INVOICE_TEXT, model="invoice-extract", tools=[WEATHER_TOOL])
    assert_error(await client.post(CHAT, json=request), 400, "invalid_request", param="tools")
