"""Streams: the order of the events, what they hold, and how they end."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support.calls import INVOICE, INVOICE_JSON, INVOICE_TEXT, WEATHER_TOOL, chat_body
from tests.support.settings_files import MODEL
from tests.support.sse import DONE, chunks_of, events_of, text_of
from tests.support.stub_engine import Reply, StubEngine

CHAT = "/v1/chat/completions"
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


async def test_events_come_in_openais_order(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(tokens=("Hello", " there")))
    response = await client.post(CHAT, json=chat_body(**WITH_USAGE))
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    assert events[-1].data == DONE
    chunks = chunks_of(response.text)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["model"] for chunk in chunks} == {MODEL}
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert text_of(chunks) == "Hello there"
    finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert finishes[-1] == "stop"
    assert set(finishes[:-1]) == {None}
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 2


async def test_the_role_is_said_once(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(tokens=("a", "b", "c")))
    response = await client.post(CHAT, json=chat_body(stream=True))
    deltas = [c["delta"] for chunk in chunks_of(response.text) for c in chunk["choices"]]
    assert [("role" in delta) for delta in deltas] == [True] + [False] * (len(deltas) - 1)


async def test_no_usage_is_sent_that_was_not_asked_for(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert all(not chunk.get("usage") for chunk in chunks_of(response.text))


async def test_the_last_chunk_tells_how_it_ended(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there.", prompt_tokens=1000))
    response = await client.post(CHAT, json=chat_body(**WITH_USAGE))
    chunks = chunks_of(response.text)
    told = chunks[-1]["firstline"]
    assert all("firstline" not in chunk for chunk in chunks[:-1])
    assert told["outcome"] == "valid"
    assert told["cost_usd"] == pytest.approx(0.001006)
    assert told["request_id"] == response.headers["x-request-id"]
    assert response.headers["x-firstline-action"] == "answer"
    assert response.headers["x-firstline-model"] == MODEL


async def test_tokens_leave_before_the_generation_is_done(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=("first", " second"), hang_after=1))
    seen = ""
    async with client.stream("POST", CHAT, json=chat_body(stream=True)) as response:
        async for text in response.aiter_text():
            seen += text
            if "first" in seen and "second" not in seen:
                engine.release()
    assert text_of(chunks_of(seen)) == "first second"


async def test_a_structured_task_streams_and_is_proven_at_the_end(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=INVOICE_JSON))
    response = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract", stream=True))
    chunks = chunks_of(response.text)
    assert json.loads(text_of(chunks)) == INVOICE
    assert events_of(response.text)[-1].data == DONE
    assert chunks[-1]["firstline"]["outcome"] == "valid"


async def test_a_stream_that_breaks_its_contract_ends_in_an_error_and_without_done(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text='{"invoice_id":7}'))
    request = chat_body(INVOICE_TEXT, model="invoice-extract", stream=True)
    response = await client.post(CHAT, json=request)
    events = events_of(response.text)
    error = events[-1].json["error"]
    assert error["code"] == "output_invalid"
    assert set(error) == {"message", "type", "param", "code", "errors", "failure"}
    assert error["failure"] == "format"
    assert all(event.data != DONE for event in events)
    assert all(c["finish_reason"] is None for e in events[:-1] for c in e.json["choices"])


async def test_a_truncated_structured_stream_ends_in_an_error(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=INVOICE_JSON, finish_reason="length"))
    response = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract", stream=True))
    events = events_of(response.text)
    assert events[-1].json["error"]["code"] == "output_invalid"
    assert all(event.data != DONE for event in events)


async def test_a_verified_stream_repairs_before_the_first_byte(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text='{"invoice_id":7}'), Reply(text=INVOICE_JSON))
    request = chat_body(INVOICE_TEXT, model="invoice-extract", firstline={"stream": "verified"}, **WITH_USAGE)
    response = await client.post(CHAT, json=request)
    chunks = chunks_of(response.text)
    assert json.loads(text_of(chunks)) == INVOICE
    assert chunks[-1]["firstline"]["outcome"] == "repaired"
    assert events_of(response.text)[-1].data == DONE


async def test_a_verified_stream_that_fails_has_a_real_status(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.always(Reply(text="{}"))
    request = chat_body(INVOICE_TEXT, model="invoice-extract", stream=True, firstline={"stream": "verified"})
    response = await client.post(CHAT, json=request)
    assert response.status_code == 502
    error = response.json()["error"]
    assert (error["code"], error["failure"]) == ("reask_failed", "schema")
    assert {(fault["pointer"], fault["keyword"]) for fault in error["errors"]} == {("", "required")}


async def test_a_tool_call_is_streamed_whole(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text='{"name":"get_weather","arguments":{"city":"Rome"}}'))
    request = chat_body("Weather in Rome?", tools=[WEATHER_TOOL], tool_choice="required", stream=True)
    response = await client.post(CHAT, json=request)
    choices = [choice for chunk in chunks_of(response.text) for choice in chunk["choices"]]
    fragments = [call for choice in choices for call in choice["delta"].get("tool_calls") or ()]
    assert fragments[0]["index"] == 0
    assert fragments[0]["id"]
    assert fragments[0]["function"]["name"] == "get_weather"
    written = "".join(fragment["function"].get("arguments", "") for fragment in fragments)
    assert json.loads(written) == {"city": "Rome"}
    assert choices[-1]["finish_reason"] == "tool_calls"


async def test_two_choices_keep_their_indices(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Same words"))
    response = await client.post(CHAT, json=chat_body(n=2, temperature=1, stream=True))
    chunks = chunks_of(response.text)
    assert text_of(chunks, 0) == text_of(chunks, 1) == "Same words"


@pytest.mark.parametrize("piece_bytes", [1, 2, 7, 64])
async def test_the_reply_does_not_depend_on_how_the_engines_bytes_are_split(
    client: httpx.AsyncClient, engine: StubEngine, piece_bytes: int
) -> None:
    engine.script(Reply(tokens=("né", " 🙂"), piece_bytes=piece_bytes))
    response = await client.post(CHAT, json=chat_body(**WITH_USAGE))
    chunks = chunks_of(response.text)
    assert text_of(chunks) == "né 🙂"
    assert chunks[-1]["usage"]["completion_tokens"] == 2


async def test_comments_and_carriage_returns_of_a_provider_are_understood(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=("a", "b"), inject=b": keep-alive\r\n\r\nevent: ping\r\n\r\n", inject_after=1))
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert text_of(chunks_of(response.text)) == "ab"


async def test_an_early_refusal_of_a_stream_has_a_real_status(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body("hi", model="no-such-model", stream=True))
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"
