"""The gateway in front of real vLLM: what a stub cannot prove."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import jsonschema_rs
import yaml

from tests.support.calls import INVOICE_TEXT, WEATHER_TOOL, YES_NO, assert_error, chat_body, schema_format
from tests.support.metrics import wait_for_metric
from tests.support.settings_files import MODEL, REPOSITORY, UPSTREAM_MODEL
from tests.support.sse import DONE, chunks_of, events_of, text_of

CHAT = "/v1/chat/completions"
GREEDY = {"temperature": 0}
RUNNING = f'vllm:num_requests_running{{engine="0",model_name="{MODEL}"}}'


def content_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    content = response.json()["choices"][0]["message"]["content"]
    assert isinstance(content, str)
    return content


def assert_is_invoice(text: str) -> None:
    """Valid against the whole schema, and compact as the contract writes it."""
    task = yaml.safe_load((REPOSITORY / "examples/tasks/invoice-extract.yaml").read_text(encoding="utf-8"))
    value = json.loads(text)
    jsonschema_rs.validate(task["output"]["schema"], value, validate_formats=True)
    assert list(value) == ["invoice_id", "date", "vendor", "total_amount"]
    assert ": " not in re.sub(r'"[^"]*"', "", text)


async def test_chat(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body("Say hi", max_tokens=8, **GREEDY))
    assert content_of(response).strip()
    body = response.json()
    assert body["usage"]["prompt_tokens"] > 10
    assert 1 <= body["usage"]["completion_tokens"] <= 8
    assert body["firstline"]["cost_usd"] > 0
    assert response.headers["x-firstline-model"] == MODEL


async def test_a_stream_says_the_same_as_a_whole_reply(client: httpx.AsyncClient) -> None:
    request = chat_body("Say hi", max_tokens=8, **GREEDY)
    whole = content_of(await client.post(CHAT, json=request))
    streamed = {**request, "stream": True, "stream_options": {"include_usage": True}}
    response = await client.post(CHAT, json=streamed)
    chunks = chunks_of(response.text)
    assert text_of(chunks) == whole
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    assert chunks[-1]["firstline"]["outcome"] == "valid"
    assert events_of(response.text)[-1].data == DONE


async def test_completions(client: httpx.AsyncClient) -> None:
    body = {"model": MODEL, "prompt": "One, two, three,", "max_tokens": 6, **GREEDY}
    response = await client.post("/v1/completions", json=body)
    assert response.status_code == 200, response.text
    assert response.json()["choices"][0]["text"].strip()


async def test_the_shipped_adapter_is_loaded_proven_and_used(
    client: httpx.AsyncClient, engine_url: str
) -> None:
    response = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract"))
    assert_is_invoice(content_of(response))
    adapter = response.headers["x-firstline-model"]
    assert re.fullmatch(r"invoice-extract@[0-9a-f]{12}", adapter)
    assert response.headers["x-firstline-outcome"] in ("valid", "repaired")
    async with httpx.AsyncClient() as direct:
        loaded = (await direct.get(f"{engine_url}/v1/models")).json()["data"]
    assert adapter in [entry["id"] for entry in loaded]
    listed = (await client.get("/v1/models")).json()["data"]
    assert adapter in [entry["id"] for entry in listed]


async def test_the_base_model_keeps_the_schema_too(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract@base"))
    # The base model is not good at invoices; what it must not do is return one that is not valid.
    if response.status_code == 200:
        assert_is_invoice(content_of(response))
        assert response.headers["x-firstline-model"] in (MODEL, UPSTREAM_MODEL)
    else:
        assert_error(response, 502, "output_invalid")


async def test_the_requests_own_schema(client: httpx.AsyncClient) -> None:
    request = chat_body("Is water wet?", response_format=schema_format(YES_NO), max_tokens=32, **GREEDY)
    text = content_of(await client.post(CHAT, json=request))
    assert text in ('{"answer":"yes"}', '{"answer":"no"}')


async def test_choice_regex_and_grammar(client: httpx.AsyncClient) -> None:
    wanted: list[tuple[dict[str, Any], str]] = [
        ({"choice": ["red", "green"]}, "red|green"),
        ({"regex": "[0-9]{3}-[0-9]{2}"}, "[0-9]{3}-[0-9]{2}"),
        ({"grammar": 'start: "a" | "b" start'}, "b*a"),
    ]
    for constraint, pattern in wanted:
        request = chat_body("Answer.", structured_outputs=constraint, max_tokens=48, **GREEDY)
        response = await client.post(CHAT, json=request)
        if "grammar" in constraint and response.status_code == 502:
            assert_error(response, 502, "output_invalid", says="token limit")
        else:
            assert re.fullmatch(pattern, content_of(response))


async def test_a_tasks_choice(client: httpx.AsyncClient) -> None:
    text = "I was charged twice for my subscription this month."
    response = await client.post(CHAT, json=chat_body(text, model="ticket-triage"))
    assert content_of(response) in {"billing", "shipping", "technical", "account", "other"}


async def test_a_schema_that_vllm_refuses_is_refused_before_it_gets_there(client: httpx.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/nope"}}}
    response = await client.post(CHAT, json=chat_body(response_format=schema_format(schema)))
    assert_error(response, 400, "schema_unsupported", param="response_format")


async def test_a_prompt_over_the_context_is_the_clients_to_mend(client: httpx.AsyncClient) -> None:
    for is_stream in (False, True):
        response = await client.post(CHAT, json=chat_body("word " * 6000, stream=is_stream))
        message = assert_error(response, 400, "context_length_exceeded", param="messages")
        assert "4096" in message


async def test_base_and_adapter_are_served_at_the_same_time(client: httpx.AsyncClient) -> None:
    endless = chat_body("Count up from one.", stream=True, max_tokens=1500, ignore_eos=True, **GREEDY)
    async with client.stream("POST", CHAT, json=endless) as base:
        assert base.headers["x-firstline-model"] == MODEL
        events = base.aiter_lines()
        assert await _next_content(events)
        adapted = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract"))
        assert_is_invoice(content_of(adapted))
        assert adapted.headers["x-firstline-model"].startswith("invoice-extract@")
        # The base model's stream was open all the while, and is still going on.
        assert await _next_content(events)


async def test_eight_requests_of_both_kinds_keep_their_labels(client: httpx.AsyncClient) -> None:
    plain = chat_body("Say hi", max_tokens=6, **GREEDY)
    task = chat_body(INVOICE_TEXT, model="invoice-extract")
    replies = await asyncio.gather(*(client.post(CHAT, json=body) for body in [plain, task] * 4))
    for index, reply in enumerate(replies):
        text = content_of(reply)
        if index % 2:
            assert_is_invoice(text)
            assert reply.headers["x-firstline-model"].startswith("invoice-extract@")
        else:
            assert reply.headers["x-firstline-model"] == MODEL


async def test_a_client_that_goes_stops_the_generation_on_the_engine(
    client: httpx.AsyncClient, engine_url: str
) -> None:
    endless = chat_body("Count up from one.", stream=True, max_tokens=3000, ignore_eos=True, **GREEDY)
    async with client.stream("POST", CHAT, json=endless) as response:
        assert await _next_content(response.aiter_lines())
    await wait_for_metric(engine_url, RUNNING, 0)


async def test_auto_answers_with_a_task_and_its_adapter(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="auto"))
    assert_is_invoice(content_of(response))
    assert response.headers["x-firstline-action"] == "answer"
    assert response.headers["x-firstline-task"] == "invoice-extract"
    assert response.headers["x-firstline-model"].startswith("invoice-extract@")
    assert float(response.headers["x-firstline-confidence"]) > 0.5


async def test_auto_retrieves_and_cites(client: httpx.AsyncClient) -> None:
    question = "How many days do I have to return a device?"
    response = await client.post(CHAT, json=chat_body(question, model="auto", max_tokens=40))
    assert content_of(response).strip()
    assert response.headers["x-firstline-action"] == "retrieve"
    assert response.headers["x-firstline-task"] == "docs-answer"
    citations = response.json()["firstline"]["citations"]
    assert citations[0]["document"] == "returns.md"
    assert "days" in citations[0]["text"]


async def test_auto_calls_a_tool(client: httpx.AsyncClient) -> None:
    request = chat_body("What is the weather in Lisbon?", model="auto", tools=[WEATHER_TOOL], max_tokens=64)
    response = await client.post(CHAT, json=request)
    assert response.status_code == 200, response.text
    assert response.headers["x-firstline-action"] == "tool"
    (call,) = response.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    schema = WEATHER_TOOL["function"]["parameters"]  # type: ignore[index]  # the literal above
    jsonschema_rs.validate(schema, json.loads(call["function"]["arguments"]))


async def test_auto_escalates_to_the_second_pool(client: httpx.AsyncClient) -> None:
    question = "Give a rigorous proof of the fundamental theorem of algebra."
    response = await client.post(CHAT, json=chat_body(question, model="auto", max_tokens=16))
    assert len(content_of(response)) > 10
    assert 0 < response.json()["usage"]["completion_tokens"] <= 16
    assert response.headers["x-firstline-action"] == "escalate"
    assert response.headers["x-firstline-outcome"] == "escalated"
    assert response.headers["x-firstline-model"] == UPSTREAM_MODEL


async def _next_content(lines: Any) -> str:
    """The next piece of text of a stream that is read line by line."""
    async for line in lines:
        if line.startswith("data: {"):
            text = text_of([json.loads(line.removeprefix("data: "))])
            if text:
                return text
    return ""
