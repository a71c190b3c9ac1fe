"""`POST /v1/responses`, not stored: the object, the events and their order."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.calls import INVOICE, INVOICE_JSON, INVOICE_TEXT, YES_NO, assert_error
from tests.support.settings_files import MODEL
from tests.support.sse import DONE, events_of
from tests.support.stub_engine import Reply, StubEngine

RESPONSES = "/v1/responses"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def body_of(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "input": "Say hi", **more}


async def test_a_response_has_openais_shape(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there.", prompt_tokens=10))
    response = await client.post(RESPONSES, json=body_of(instructions="Be brief."))
    body = response.json()
    assert body["object"] == "response"
    assert body["id"].startswith("resp_")
    assert body["status"] == "completed"
    assert body["error"] is None
    assert body["store"] is False
    assert body["instructions"] == "Be brief."
    (item,) = body["output"]
    assert (item["type"], item["role"], item["status"]) == ("message", "assistant", "completed")
    assert item["content"][0]["type"] == "output_text"
    assert item["content"][0]["text"] == "Hello there."
    assert body["usage"]["input_tokens"] == 10
    assert body["usage"]["output_tokens"] == 3
    assert body["usage"]["total_tokens"] == 13
    assert body["firstline"]["outcome"] == response.headers["x-firstline-outcome"] == "valid"


async def test_instructions_and_input_become_chat_messages(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    items = [
        {"role": "user", "content": "first"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "second"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "third"}]},
    ]
    await client.post(RESPONSES, json=body_of(input=items, instructions="Be brief."))
    assert engine.generations[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "second"},
        {"role": "user", "content": "third"},
    ]


async def test_the_events_come_in_openais_order(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(tokens=("Hello", " there")))
    response = await client.post(RESPONSES, json=body_of(stream=True))
    events = events_of(response.text)
    assert [event.name for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.json["type"] for event in events] == [event.name for event in events]
    assert [event.json["sequence_number"] for event in events] == list(range(len(events)))
    deltas = [event.json["delta"] for event in events if event.name.endswith("text.delta")]
    assert "".join(deltas) == "Hello there" == events[6].json["text"]
    final = events[-1].json["response"]
    assert final["status"] == "completed"
    assert final["output"][0]["content"][0]["text"] == "Hello there"
    assert final["usage"]["output_tokens"] == 2
    assert final["firstline"]["outcome"] == "valid"
    assert events[0].json["response"]["status"] == "in_progress"
    assert events[0].json["response"]["id"] == final["id"]
    assert DONE not in [event.data for event in events]


async def test_a_structured_response_is_proven(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text='{"answer":"maybe"}'), Reply(text='{"answer":"yes"}'))
    text = {"format": {"type": "json_schema", "name": "answer", "schema": YES_NO}}
    response = await client.post(RESPONSES, json=body_of(text=text))
    body = response.json()
    assert json.loads(body["output"][0]["content"][0]["text"]) == {"answer": "yes"}
    assert body["firstline"]["outcome"] == "repaired"


async def test_a_task_answers_a_response(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text=INVOICE_JSON))
    response = await client.post(RESPONSES, json=body_of(model="invoice-extract", input=INVOICE_TEXT))
    assert json.loads(response.json()["output"][0]["content"][0]["text"]) == INVOICE


async def test_a_function_call_is_an_item_of_its_own(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text='{"name":"get_weather","arguments":{"city":"Rome"}}'))
    response = await client.post(RESPONSES, json=body_of(tools=[WEATHER], tool_choice="required"))
    (item,) = response.json()["output"]
    assert item["type"] == "function_call"
    assert item["name"] == "get_weather"
    assert json.loads(item["arguments"]) == {"city": "Rome"}
    assert item["call_id"]


async def test_a_function_call_is_streamed_in_openais_order(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text='{"name":"get_weather","arguments":{"city":"Rome"}}'))
    response = await client.post(
        RESPONSES, json=body_of(tools=[WEATHER], tool_choice="required", stream=True)
    )
    assert [event.name for event in events_of(response.text)] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]


async def test_a_function_result_goes_back_to_the_model(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    items = [
        {"role": "user", "content": "Weather in Rome?"},
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city":"Rome"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
    ]
    await client.post(RESPONSES, json=body_of(input=items))
    written = json.dumps(engine.generations[0].body["messages"])
    assert "get_weather" in written
    assert "sunny" in written


async def test_an_answer_at_its_token_limit_is_incomplete(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text="one two three"))
    response = await client.post(RESPONSES, json=body_of(max_output_tokens=2))
    body = response.json()
    assert body["status"] == "incomplete"
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}


async def test_a_stream_that_breaks_ends_in_an_error_event(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=("a", "b", "c"), cut_after=2))
    response = await client.post(RESPONSES, json=body_of(stream=True))
    events = events_of(response.text)
    assert events[-1].name == "error"
    assert events[-1].json["code"] == "engine_error"
    assert "response.completed" not in [event.name for event in events]


@pytest.mark.parametrize(
    ("field", "value"),
    [("previous_response_id", "resp_1"), ("conversation", "c"), ("background", True), ("store", True)],
)
async def test_what_would_need_storage_is_refused(
    client: httpx.AsyncClient, field: str, value: object
) -> None:
    response = await client.post(RESPONSES, json=body_of(**{field: value}))
    assert_error(response, 400, "unsupported_parameter", param=field, says="not stored")


async def test_an_unknown_field_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(RESPONSES, json=body_of(temperatur=1))
    assert_error(response, 400, "unknown_parameter", param="temperatur")


@pytest.mark.parametrize("given", ["", [], [{"type": "image_generation_call"}], 5])
async def test_an_input_that_cannot_be_answered_is_refused(client: httpx.AsyncClient, given: Any) -> None:
    response = await client.post(RESPONSES, json=body_of(input=given))
    if given == "":
        assert response.status_code in (200, 400)
    else:
        assert response.status_code == 400
        assert response.json()["error"]["param"].startswith("input")
