"""Chat completions and completions on the wire."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from contracts.outcome import Usage
from gateway.api.wire_chat import ChatWire
from gateway.errors import OutputInvalidError
from gateway.records import Delta, Endpoint, Passage, ToolCall
from tests.unit.gateway.api.replies import PLAIN, SUMMARY, context, events, values

CALL = ToolCall("call_1", "f", '{"x":1}')
WRITTEN_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 60,
    "total_tokens": 100,
    "prompt_tokens_details": {"cached_tokens": 5},
}
FIRSTLINE = {
    "request_id": "req-1",
    "action": "answer",
    "task": "invoice",
    "model": "large-model",
    "confidence": 0.8765,
    "reason": "task:invoice",
    "outcome": "escalated",
    "attempts": 2,
    "cost_usd": 0.75,
}


def stream(*deltas: Delta, **chat: Any) -> list[Any]:
    wire = ChatWire(context(stream=True, **chat))
    return values(wire.start() + b"".join(map(wire.delta, deltas)) + wire.finish(SUMMARY))


def collected(*deltas: Delta, **chat: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(ChatWire(context(**chat)).collected(deltas, SUMMARY))
    return body


def test_a_whole_chat_completion() -> None:
    deltas = Delta(text="Hel"), Delta(text="lo", finish_reason="stop"), Delta(usage=Usage(40, 60, 5))
    assert collected(*deltas) == {
        "id": "chatcmpl-req-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "large-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
        "firstline": FIRSTLINE,
    }


def test_a_whole_completion() -> None:
    body = collected(Delta(text="Hello", finish_reason="length"), endpoint=Endpoint.COMPLETIONS)
    assert (body["id"], body["object"]) == ("cmpl-req-1", "text_completion")
    assert body["choices"] == [{"index": 0, "text": "Hello", "logprobs": None, "finish_reason": "length"}]


@pytest.mark.parametrize(
    ("delta", "message"),
    [
        (Delta(tool_calls=(CALL,)), {"content": None, "refusal": None, "tool_calls": [WRITTEN_CALL]}),
        (
            Delta(text="a", tool_calls=(CALL,)),
            {"content": "a", "refusal": None, "tool_calls": [WRITTEN_CALL]},
        ),
        (Delta(refusal="No."), {"content": None, "refusal": "No."}),
        (Delta(text=""), {"content": "", "refusal": None}),
        (Delta(text="a", reasoning="Hm."), {"content": "a", "refusal": None, "reasoning_content": "Hm."}),
    ],
    ids=str,
)
def test_a_whole_message(delta: Delta, message: dict[str, Any]) -> None:
    assert collected(delta)["choices"][0]["message"] == {"role": "assistant", **message}


def test_choices_are_told_apart() -> None:
    deltas = (
        Delta(index=1, text="b"),
        Delta(index=0, text="a", finish_reason="stop"),
        Delta(index=1, text="b", finish_reason="length"),
    )
    found = [(c["index"], c["message"]["content"], c["finish_reason"]) for c in collected(*deltas)["choices"]]
    assert found == [(0, "a", "stop"), (1, "bb", "length")]


def test_a_stream_names_the_role_once_and_its_finish_last() -> None:
    chunks = stream(Delta(text="Hel"), Delta(text="lo"), Delta(finish_reason="stop"))
    assert [chunk["choices"][0] for chunk in chunks[:-1]] == [
        {"index": 0, "logprobs": None, "finish_reason": None, "delta": {"role": "assistant", "content": ""}},
        {"index": 0, "logprobs": None, "finish_reason": None, "delta": {"content": "Hel"}},
        {"index": 0, "logprobs": None, "finish_reason": None, "delta": {"content": "lo"}},
        {"index": 0, "logprobs": None, "finish_reason": "stop", "delta": {}},
    ]
    assert chunks[-1] == "[DONE]"
    assert {(c["id"], c["object"], c["created"], c["model"]) for c in chunks[:-1]} == {
        ("chatcmpl-req-1", "chat.completion.chunk", 1_700_000_000, "invoice@abc")
    }


def test_the_last_chunk_and_no_other_says_what_was_done() -> None:
    chunks = stream(Delta(text="a"), Delta(finish_reason="stop"))
    assert chunks[-2]["firstline"] == FIRSTLINE
    assert not any("firstline" in chunk or "usage" in chunk for chunk in chunks[:-2])


def test_a_finish_reason_waits_for_the_proof() -> None:
    wire = ChatWire(context(stream=True))
    out = wire.start() + wire.delta(Delta(text="{}", finish_reason="stop"))
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in values(out))
    failed = values(out + wire.error(OutputInvalidError("no attempt gave a valid answer", param="p")))
    assert failed[-1] == {
        "error": {
            "message": "no attempt gave a valid answer",
            "type": "server_error",
            "param": "p",
            "code": "output_invalid",
        }
    }
    assert "[DONE]" not in failed


def test_usage_has_a_chunk_of_its_own_where_asked_for() -> None:
    chunks = stream(
        Delta(text="a"), Delta(finish_reason="stop"), Delta(usage=Usage(40, 60, 5)), include_usage=True
    )
    *before, last, done = chunks
    assert (last["choices"], last["usage"], last["firstline"], done) == ([], USAGE, FIRSTLINE, "[DONE]")
    assert [chunk["usage"] for chunk in before] == [None] * 3
    assert before[-1]["choices"][0]["finish_reason"] == "stop"


def test_two_streamed_choices_each_have_role_and_finish() -> None:
    chunks = stream(
        Delta(index=0, text="a"),
        Delta(index=1, text="b", finish_reason="length"),
        Delta(index=0, finish_reason="stop"),
    )
    found = [
        (c["choices"][0]["index"], c["choices"][0]["delta"], c["choices"][0]["finish_reason"])
        for c in chunks[:-1]
    ]
    role = {"role": "assistant", "content": ""}
    assert found == [
        (0, role, None),
        (0, {"content": "a"}, None),
        (1, role, None),
        (1, {"content": "b"}, None),
        (1, {}, "length"),
        (0, {}, "stop"),
    ]


def test_streamed_calls_are_numbered() -> None:
    chunks = stream(Delta(tool_calls=(CALL, ToolCall("call_2", "g", "{}")), finish_reason="tool_calls"))
    assert chunks[1]["choices"][0]["delta"]["tool_calls"] == [
        {"index": 0, **WRITTEN_CALL},
        {"index": 1, "id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert chunks[2]["choices"][0]["finish_reason"] == "tool_calls"


def test_streamed_logprobs_reasoning_and_refusals_leave_with_their_delta() -> None:
    chunks = stream(Delta(text="a", logprobs={"content": []}, reasoning="Hm."), Delta(refusal="No."))
    assert chunks[1]["choices"][0]["logprobs"] == {"content": []}
    assert chunks[1]["choices"][0]["delta"] == {"content": "a", "reasoning_content": "Hm."}
    assert chunks[2]["choices"][0]["delta"] == {"refusal": "No."}


def test_a_streamed_completion_has_text_and_no_role() -> None:
    chunks = stream(Delta(text="a"), Delta(finish_reason="stop"), endpoint=Endpoint.COMPLETIONS)
    assert [chunk["choices"][0] for chunk in chunks[:-1]] == [
        {"index": 0, "logprobs": None, "finish_reason": None, "text": "a"},
        {"index": 0, "logprobs": None, "finish_reason": "stop", "text": ""},
    ]
    assert chunks[0]["object"] == "text_completion"


def test_a_stream_that_never_finished_still_ends() -> None:
    *_, last, done = stream(Delta(text="a"))
    assert (last["choices"], last["firstline"], done) == ([], FIRSTLINE, "[DONE]")


def test_what_was_degraded_ignored_and_cited_is_said() -> None:
    passage = Passage("a.md", "Title", "Text.", 3, 8, 0.123456)
    wire = ChatWire(context(citations=(passage,), degraded="no-escalation-pool", ignored=("metadata",)))
    said = orjson.loads(wire.collected([Delta(text="a")], PLAIN))["firstline"]
    assert (said["degraded"], said["ignored"]) == ("no-escalation-pool", ["metadata"])
    assert said["citations"] == [
        {
            "number": 1,
            "document": "a.md",
            "title": "Title",
            "start": 3,
            "end": 8,
            "text": "Text.",
            "score": 0.1235,
        }
    ]
    assert (said["model"], said["outcome"]) == ("invoice@abc", "valid")


def test_no_event_of_a_chat_stream_has_a_name() -> None:
    wire = ChatWire(context(stream=True))
    assert {name for name, _ in events(wire.delta(Delta(text="a")) + wire.finish(SUMMARY))} == {None}
