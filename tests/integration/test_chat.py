"""`POST /v1/chat/completions`, not streamed."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from tests.support.calls import INVOICE, INVOICE_JSON, INVOICE_TEXT, WEATHER_TOOL, chat_body
from tests.support.settings_files import MODEL
from tests.support.sse import chunks_of, text_of
from tests.support.stub_engine import Reply, StubEngine

CHAT = "/v1/chat/completions"


async def test_a_base_model_answers_in_openais_format(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."))
    response = await client.post(CHAT, json=chat_body("Say hi", max_tokens=20))
    assert response.status_code == 200
    body = response.json()
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("chatcmpl-")
    assert body["model"] == MODEL
    assert isinstance(body["created"], int)
    (choice,) = body["choices"]
    assert choice["index"] == 0
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == "Hello there."
    assert choice["finish_reason"] == "stop"
    usage = body["usage"]
    assert usage["completion_tokens"] == 3
    assert usage["total_tokens"] == usage["prompt_tokens"] + 3


async def test_the_headers_and_the_body_tell_the_same(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there.", prompt_tokens=1000))
    response = await client.post(CHAT, json=chat_body())
    headers, told = response.headers, response.json()["firstline"]
    assert headers["x-firstline-action"] == told["action"] == "answer"
    assert headers["x-firstline-model"] == told["model"] == MODEL
    assert float(headers["x-firstline-confidence"]) == told["confidence"] == 1.0
    assert headers["x-firstline-outcome"] == told["outcome"] == "valid"
    assert headers["x-firstline-attempts"] == "1"
    assert float(headers["x-firstline-cost-usd"]) == pytest.approx(told["cost_usd"])
    # 1000 prompt tokens at 1 USD and 3 completion tokens at 2 USD for a million
    assert told["cost_usd"] == pytest.approx(0.001006)
    assert headers["x-request-id"] == told["request_id"]
    assert headers.get("x-firstline-task", "") == ""
    assert "x-firstline-degraded" not in headers


async def test_the_clients_request_id_is_kept(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body(), headers={"x-request-id": "abc-123"})
    assert response.headers["x-request-id"] == "abc-123"


async def test_a_request_id_that_could_forge_a_header_or_a_log_is_replaced(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body(), headers={"x-request-id": "x" * 5000})
    assert len(response.headers["x-request-id"]) < 200


async def test_a_task_by_name_gives_schema_valid_json(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text=INVOICE_JSON))
    response = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract"))
    body = response.json()
    assert json.loads(body["choices"][0]["message"]["content"]) == INVOICE
    assert response.headers["x-firstline-task"] == body["firstline"]["task"] == "invoice-extract"
    assert response.headers["x-firstline-outcome"] == "valid"


async def test_a_tasks_templates_make_the_prompt(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="billing"))
    await client.post(CHAT, json=chat_body("I was charged twice.", model="ticket-triage"))
    (sent,) = engine.generations
    system, user = sent.body["messages"]
    assert system["role"] == "system"
    assert system["content"].startswith("You sort support tickets.")
    assert user == {"role": "user", "content": "Ticket: I was charged twice.\nQueue:"}
    assert sent.body["max_tokens"] == 8
    assert sent.body["temperature"] == 0.0


async def test_variables_of_the_request_override_the_tasks(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    options = {"variables": {"tone": "pirate-like"}}
    await client.post(CHAT, json=chat_body("hi", model="rewrite-standard", firstline=options))
    (sent,) = engine.generations
    assert "pirate-like tone, at most three sentences" in sent.body["messages"][0]["content"]


async def test_a_task_with_retrieval_cites_the_passage(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="You have 30 days [1]."))
    question = "How many days do I have to return a device?"
    response = await client.post(CHAT, json=chat_body(question, model="docs-answer"))
    (sent,) = engine.generations
    prompt = sent.body["messages"][-1]["content"]
    assert "within 30 days of delivery" in prompt
    assert prompt.endswith(f"Question: {question}")
    told = response.json()["firstline"]
    assert response.headers["x-firstline-action"] == told["action"] == "retrieve"
    assert told["citations"][0]["document"] == "returns.md"
    assert "within 30 days of delivery" in told["citations"][0]["text"]


async def test_several_choices_come_back_by_index(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Same words."))
    response = await client.post(CHAT, json=chat_body(n=3, temperature=0.7))
    choices = response.json()["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert {choice["message"]["content"] for choice in choices} == {"Same words."}
    assert engine.generations[0].body["n"] == 3


async def test_log_probabilities_are_passed_on(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there"))
    response = await client.post(CHAT, json=chat_body(logprobs=True, top_logprobs=1))
    entries = response.json()["choices"][0]["logprobs"]["content"]
    assert [entry["token"] for entry in entries] == ["Hello", " there"]
    assert entries[0]["top_logprobs"][0]["logprob"] == -0.5


async def test_a_free_answer_at_the_token_limit_says_length(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text="one two three four"))
    response = await client.post(CHAT, json=chat_body(max_tokens=2))
    choice = response.json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "one two"


async def test_sampling_fields_reach_the_engine_under_their_names(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    given = {"temperature": 0.3, "top_p": 0.9, "seed": 7, "stop": ["\n"], "top_k": 5, "presence_penalty": 0.5}
    await client.post(CHAT, json=chat_body(**given))
    body = engine.generations[0].body
    assert {name: body[name] for name in given} == given


async def test_a_request_with_tools_ends_in_a_call_that_keeps_the_schema(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text='{"name":"get_weather","arguments":{"city":"Lisbon"}}'))
    request = chat_body("Weather in Lisbon?", tools=[WEATHER_TOOL], tool_choice="required")
    response = await client.post(CHAT, json=request)
    body = response.json()
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert call["type"] == "function"
    assert call["id"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Lisbon"}
    assert choice["message"]["content"] is None
    assert response.headers["x-firstline-action"] == body["firstline"]["action"] == "tool"


async def test_unicode_goes_through_unchanged(client: httpx.AsyncClient, engine: StubEngine) -> None:
    text = "naïve 日本語 🙂 e\u0301 \u202etxt"
    engine.script(Reply(tokens=(text,)))
    response = await client.post(CHAT, json=chat_body(text))
    assert response.json()["choices"][0]["message"]["content"] == text
    assert engine.generations[0].body["messages"][-1]["content"] == text


async def test_many_requests_at_once_each_get_their_own_answer(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.always(Reply(is_echo=True))
    bodies = [chat_body(f"marker-{number}", stream=number % 2 == 0) for number in range(60)]
    replies = await asyncio.gather(*(client.post(CHAT, json=body) for body in bodies))
    for number, reply in enumerate(replies):
        is_stream = number % 2 == 0
        text = text_of(chunks_of(reply.text)) if is_stream else _content(reply)
        assert text == f"marker-{number}"
    assert len({reply.headers["x-request-id"] for reply in replies}) == len(replies)


def _content(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])
