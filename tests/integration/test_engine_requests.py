"""What an engine is asked: constraints in vLLM's current API, and nothing that it would ignore."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import yaml

from tests.support.calls import (
    INVOICE_JSON,
    INVOICE_TEXT,
    WEATHER_TOOL,
    YES_NO,
    chat_body,
    schema_format,
)
from tests.support.settings_files import REPOSITORY, UPSTREAM_MODEL
from tests.support.stub_engine import Reply, ScriptedCall, StubEngine

CHAT = "/v1/chat/completions"
COMPACT = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
STRUCTURED: dict[str, tuple[dict[str, Any], str]] = {
    "choice": ({"choice": ["red", "green"]}, "green"),
    "regex": ({"regex": "[0-9]{3}"}, "123"),
    "grammar": ({"grammar": 'start: "a" | "b"'}, "b"),
}


def all_keys(value: Any) -> set[str]:
    """Every key at any depth."""
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in all_keys(item)}
    if isinstance(value, list):
        return {key for item in value for key in all_keys(item)}
    return set()


async def test_a_tasks_schema_reaches_the_engine_whole_and_compact(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=INVOICE_JSON))
    await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract"))
    (sent,) = engine.generations
    sent_format = sent.body["response_format"]
    assert sent_format["type"] == "json_schema"
    schema = sent_format["json_schema"]["schema"]
    assert schema.pop("x-guidance") == COMPACT
    task = yaml.safe_load((REPOSITORY / "examples/tasks/invoice-extract.yaml").read_text(encoding="utf-8"))
    assert schema == task["output"]["schema"]
    assert list(schema["properties"]) == list(task["output"]["schema"]["properties"])


async def test_the_requests_own_schema_is_forced_and_proven(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text='{"answer":"yes"}'))
    response = await client.post(CHAT, json=chat_body(response_format=schema_format(YES_NO)))
    assert json.loads(response.json()["choices"][0]["message"]["content"]) == {"answer": "yes"}
    schema = engine.generations[0].body["response_format"]["json_schema"]["schema"]
    assert schema == {**YES_NO, "x-guidance": COMPACT}


async def test_json_object_is_forced_as_an_object_without_white_space(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text='{"a":1}'))
    response = await client.post(CHAT, json=chat_body(response_format={"type": "json_object"}))
    assert response.json()["choices"][0]["message"]["content"] == '{"a":1}'
    schema = engine.generations[0].body["response_format"]["json_schema"]["schema"]
    assert schema == {"type": "object", "x-guidance": COMPACT}


@pytest.mark.parametrize("kind", STRUCTURED)
async def test_structured_outputs_reach_the_engine(
    client: httpx.AsyncClient, engine: StubEngine, kind: str
) -> None:
    constraint, answer = STRUCTURED[kind]
    engine.script(Reply(text=answer))
    response = await client.post(CHAT, json=chat_body(structured_outputs=constraint))
    assert response.json()["choices"][0]["message"]["content"] == answer
    body = engine.generations[0].body
    assert body["structured_outputs"] == constraint
    assert "response_format" not in body


async def test_structured_outputs_json_is_the_same_as_a_schema(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text='{"answer":"no"}'))
    response = await client.post(CHAT, json=chat_body(structured_outputs={"json": YES_NO}))
    assert response.status_code == 200
    schema = engine.generations[0].body["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == YES_NO["properties"]


async def test_a_tasks_choice_reaches_the_engine(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="shipping"))
    response = await client.post(CHAT, json=chat_body("Where is my parcel?", model="ticket-triage"))
    assert response.json()["choices"][0]["message"]["content"] == "shipping"
    labels = ["billing", "shipping", "technical", "account", "other"]
    assert engine.generations[0].body["structured_outputs"] == {"choice": labels}


async def test_no_request_uses_fields_that_vllm_ignores(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=INVOICE_JSON), Reply(text="green"), Reply(text='{"a":1}'))
    await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract"))
    await client.post(CHAT, json=chat_body(structured_outputs={"choice": ["red", "green"]}))
    await client.post(CHAT, json=chat_body(response_format={"type": "json_object"}))
    assert len(engine.generations) == 3
    for sent in engine.generations:
        assert not [key for key in all_keys(sent.body) if key.startswith("guided_")]


async def test_tools_reach_a_small_model_as_a_grammar(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text='{"name":"get_weather","arguments":{"city":"Lisbon"}}'))
    await client.post(CHAT, json=chat_body("Weather?", tools=[WEATHER_TOOL], tool_choice="required"))
    body = engine.generations[0].body
    assert "tools" not in body
    assert "tool_choice" not in body
    schema = body["response_format"]["json_schema"]["schema"]
    (branch,) = schema["anyOf"]
    assert branch["properties"]["name"] == {"enum": ["get_weather"]}
    assert branch["properties"]["arguments"]["required"] == ["city"]


async def test_tools_reach_an_upstream_provider_natively(
    escalating_client: httpx.AsyncClient, upstream: StubEngine
) -> None:
    upstream.script(Reply(tool_calls=(ScriptedCall("get_weather", '{"city":"Oslo"}'),)))
    request = chat_body("Weather?", model=UPSTREAM_MODEL, tools=[WEATHER_TOOL])
    response = await escalating_client.post(CHAT, json=request)
    (choice,) = response.json()["choices"]
    (call,) = choice["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}
    assert choice["finish_reason"] == "tool_calls"
    assert upstream.generations[0].body["tools"][0]["function"]["name"] == "get_weather"


async def test_an_upstream_provider_is_sent_only_portable_fields(
    escalating_client: httpx.AsyncClient, upstream: StubEngine
) -> None:
    upstream.script(Reply(text='{"answer":"yes"}'))
    request = chat_body(model=UPSTREAM_MODEL, response_format=schema_format(YES_NO), top_k=5, temperature=0.5)
    response = await escalating_client.post(CHAT, json=request)
    assert response.status_code == 200, response.text
    body = upstream.generations[0].body
    assert body["temperature"] == 0.5
    assert "top_k" not in body
    assert body["response_format"]["json_schema"]["schema"] == YES_NO


async def test_a_stream_asks_the_engine_for_usage_even_when_the_client_does_not(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    await client.post(CHAT, json=chat_body(stream=True))
    assert engine.generations[0].body["stream_options"]["include_usage"] is True


async def test_the_clients_key_does_not_reach_the_engine(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    await client.post(CHAT, json=chat_body(), headers={"Authorization": "Bearer sk-of-the-client"})
    assert "authorization" not in engine.generations[0].headers


async def test_a_pinned_base_asks_the_base_model(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text=INVOICE_JSON))
    response = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract@base"))
    assert response.headers["x-firstline-task"] == "invoice-extract"
    assert response.headers["x-firstline-model"] == "smollm2-135m"
    assert engine.generations[0].body["model"] == "smollm2-135m"
