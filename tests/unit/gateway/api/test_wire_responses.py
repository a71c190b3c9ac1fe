"""Responses on the wire, whole and as events."""

from __future__ import annotations

from typing import Any

import orjson

from contracts.outcome import Usage
from gateway.api.wire_responses import ResponsesWire
from gateway.errors import OutputInvalidError
from gateway.records import Delta, Endpoint, ToolCall
from tests.unit.gateway.api.replies import PLAIN, SUMMARY, context, events

CALL = ToolCall("call_1", "f", '{"x":1}')
CALL_ITEM = {
    "id": "fc_call_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "f",
    "arguments": '{"x":1}',
    "status": "completed",
}
USAGE = {
    "input_tokens": 40,
    "input_tokens_details": {"cached_tokens": 5},
    "output_tokens": 60,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 100,
}


def message(text: str, status: str = "completed") -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "id": "msg_req-1",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [part],
    }


def wire(**chat: Any) -> ResponsesWire:
    return ResponsesWire(context(endpoint=Endpoint.RESPONSES, **chat))


def collected(*deltas: Delta, **chat: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(wire(**chat).collected(deltas, SUMMARY))
    return body


def stream(*deltas: Delta) -> list[tuple[str | None, Any]]:
    written = wire(stream=True)
    return events(written.start() + b"".join(map(written.delta, deltas)) + written.finish(PLAIN))


def test_a_whole_response() -> None:
    deltas = Delta(text="Hel"), Delta(text="lo", finish_reason="stop"), Delta(usage=Usage(40, 60, 5))
    body = collected(*deltas, echo={"instructions": "Be brief.", "temperature": 0.5})
    assert body.pop("firstline")["outcome"] == "escalated"
    assert body == {
        "id": "resp_req-1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "large-model",
        "output": [message("Hello")],
        "parallel_tool_calls": True,
        "store": False,
        "instructions": "Be brief.",
        "max_output_tokens": None,
        "metadata": {},
        "temperature": 0.5,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": USAGE,
    }


def test_a_response_that_was_cut_off_is_incomplete() -> None:
    body = collected(Delta(text="Hel", finish_reason="length"))
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert body["output"] == [message("Hel", "incomplete")]


def test_a_call_is_an_item_of_its_own() -> None:
    assert collected(Delta(tool_calls=(CALL,)))["output"] == [CALL_ITEM]
    assert collected(Delta(text="a", tool_calls=(CALL,)))["output"] == [message("a"), CALL_ITEM]


def test_a_refusal_is_a_part_of_the_message() -> None:
    (item,) = collected(Delta(refusal="No."))["output"]
    assert item["content"] == [{"type": "refusal", "refusal": "No."}]


def test_an_empty_answer_is_an_empty_message() -> None:
    assert collected(Delta(finish_reason="stop"))["output"] == [message("")]


def test_a_stream_of_text_opens_fills_and_closes_one_item() -> None:
    found = stream(
        Delta(text="Hel"), Delta(text="lo"), Delta(finish_reason="stop"), Delta(usage=Usage(40, 60, 5))
    )
    assert [name for name, _ in found] == [
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
    assert [value["sequence_number"] for _, value in found] == list(range(len(found)))
    assert all(value["type"] == name for name, value in found)
    assert [value["delta"] for name, value in found if name == "response.output_text.delta"] == ["Hel", "lo"]
    assert found[6][1]["text"] == "Hello"
    assert found[8][1]["item"] == message("Hello")
    last = found[-1][1]["response"]
    assert (last["status"], last["output"], last["usage"]) == ("completed", [message("Hello")], USAGE)
    assert last["firstline"]["request_id"] == "req-1"
    assert not any("firstline" in value.get("response", {}) for _, value in found[:-1])


def test_the_response_is_empty_while_it_is_in_progress() -> None:
    for _, value in stream(Delta(text="a"))[:2]:
        response = value["response"]
        assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)


def test_a_streamed_call_comes_whole() -> None:
    found = stream(Delta(tool_calls=(CALL,), finish_reason="tool_calls"))
    assert [name for name, _ in found[2:-1]] == [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ]
    assert found[2][1]["item"] == {**CALL_ITEM, "arguments": "", "status": "in_progress"}
    assert found[3][1]["delta"] == '{"x":1}'
    assert found[5][1]["item"] == CALL_ITEM
    assert found[-1][1]["response"]["output"] == [CALL_ITEM]


def test_every_item_of_a_stream_has_the_place_it_ends_up_in() -> None:
    found = stream(Delta(text="a", tool_calls=(CALL, ToolCall("call_2", "g", "{}"))))
    items = found[-1][1]["response"]["output"]
    done = {
        value["output_index"]: value["item"] for name, value in found if name == "response.output_item.done"
    }
    assert [done[place] for place in range(3)] == items
    assert [item["type"] for item in items] == ["message", "function_call", "function_call"]


def test_a_stream_that_was_cut_off_is_incomplete_in_every_place() -> None:
    found = stream(Delta(text="a", finish_reason="length"))
    assert found[-1][0] == "response.incomplete"
    assert found[-2][1]["item"] == message("a", "incomplete") == found[-1][1]["response"]["output"][0]


def test_a_streamed_refusal_is_closed_as_one() -> None:
    found = stream(Delta(refusal="No.", finish_reason="stop"))
    names = [name for name, _ in found]
    assert names[4:6] == ["response.refusal.delta", "response.refusal.done"]
    assert found[5][1]["refusal"] == "No."


def test_a_failure_is_an_event_and_nothing_follows() -> None:
    written = wire(stream=True)
    before = written.start() + written.delta(Delta(text="{"))
    found = events(before + written.error(OutputInvalidError("no valid answer")))
    assert found[-1] == (
        "error",
        {
            "type": "error",
            "sequence_number": len(found) - 1,
            "code": "output_invalid",
            "message": "no valid answer",
            "param": None,
        },
    )
    assert b"[DONE]" not in before
    assert not any(name in ("response.completed", "response.output_item.done") for name, _ in found)
