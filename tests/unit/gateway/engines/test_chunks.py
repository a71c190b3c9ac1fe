"""An engine's chunks as deltas."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from contracts.outcome import Usage
from gateway.engines._chunks import ChunkDecoder
from gateway.errors import EngineError
from gateway.records import Delta, ToolCall


def decode(*chunks: dict[str, Any] | bytes) -> list[Delta]:
    decoder = ChunkDecoder()
    raw = [chunk if isinstance(chunk, bytes) else orjson.dumps(chunk) for chunk in chunks]
    return [delta for data in raw for delta in decoder.decode(data)]


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **extra: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish, **extra}]}


def fragment(index: int, call_id: str | None = None, **function: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "id": call_id, "function": function}]}


def test_a_chat_stream_becomes_text_finish_and_usage() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
    assert decode(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}, "stop"),
        {"choices": [], "usage": usage},
    ) == [Delta(text="Hel"), Delta(text="lo", finish_reason="stop"), Delta(usage=Usage(3, 2, 1))]


def test_a_completion_stream_has_its_text_in_the_choice() -> None:
    assert decode({"choices": [{"index": 1, "text": "a", "finish_reason": "length"}]}) == [
        Delta(index=1, text="a", finish_reason="length")
    ]


def test_a_whole_reply_is_one_delta_a_choice_and_the_usage() -> None:
    reply = {
        "choices": [
            {"index": 0, "message": {"content": "a"}, "finish_reason": "stop", "logprobs": {"content": []}},
            {"index": 1, "message": {"content": None, "refusal": "No."}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": None},
    }
    assert decode(reply) == [
        Delta(text="a", finish_reason="stop", logprobs={"content": []}),
        Delta(index=1, refusal="No.", finish_reason="stop"),
        Delta(usage=Usage(1, 2)),
    ]


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_both_names_of_reasoning_are_read(name: str) -> None:
    assert decode(chunk({name: "Hm."})) == [Delta(reasoning="Hm.")]


def test_an_empty_answer_still_ends() -> None:
    assert decode(chunk({}, "stop")) == [Delta(finish_reason="stop")]


def test_fragments_of_calls_are_held_until_they_are_whole() -> None:
    deltas = decode(
        chunk(fragment(0, "call_a", name="f", arguments="")),
        chunk(fragment(1, "call_b", name="g", arguments='{"y":')),
        chunk(fragment(0, arguments='{"x":')),
        chunk(fragment(1, arguments="2}")),
        chunk(fragment(0, arguments="1}")),
        chunk({}, "tool_calls"),
    )
    calls = (ToolCall("call_a", "f", '{"x":1}'), ToolCall("call_b", "g", '{"y":2}'))
    assert deltas == [Delta(tool_calls=calls, finish_reason="tool_calls")]


def test_each_choice_has_calls_of_its_own() -> None:
    deltas = decode(
        chunk(fragment(0, "a", name="f", arguments="{}"), index=0),
        chunk(fragment(0, "b", name="g", arguments="{}"), index=1),
        chunk({}, "tool_calls", index=1),
        chunk({}, "tool_calls", index=0),
    )
    assert [(d.index, [c.name for c in d.tool_calls]) for d in deltas] == [(1, ["g"]), (0, ["f"])]


def test_the_calls_of_a_whole_reply_are_told_apart_by_their_place() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    reply = {"choices": [{"index": 0, "message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
    assert decode(reply)[0].tool_calls == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))


def test_a_call_without_arguments_has_an_empty_object() -> None:
    deltas = decode(chunk(fragment(0, "a", name="f"), "tool_calls"))
    assert deltas[0].tool_calls == (ToolCall("a", "f", "{}"),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b'{"choices":5}',
        b'{"choices":"abc"}',
        b'{"choices":[5]}',
        b'{"choices":[{"index":"x"}]}',
        b'{"choices":[{"delta":5}]}',
        b'{"choices":[{"delta":{"content":5}}]}',
        b'{"choices":[{"delta":{"content":{"a":1}}}]}',
        b'{"choices":[{"delta":{"reasoning":["a"]}}]}',
        b'{"choices":[{"delta":{"refusal":{"a":1}}}]}',
        b'{"choices":[{"delta":{},"finish_reason":5}]}',
        b'{"choices":[{"text":5}]}',
        b'{"choices":[{"delta":{"tool_calls":5}}]}',
        b'{"choices":[{"delta":{"tool_calls":[5]}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"index":"x"}]}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"id":5}]}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"function":{"name":5}}]}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":{"x":1}}}]}}]}',
        b'{"usage":"many"}',
        b'{"usage":{"prompt_tokens":"many"}}',
        b'{"choices":[{"delta":{"content":"\xff"}}]}',
    ],
)
def test_what_is_not_a_completion_is_an_engine_error(data: bytes) -> None:
    with pytest.raises(EngineError, match="not a completion") as caught:
        decode(data)
    assert (caught.value.status, caught.value.code) == (502, "engine_error")


@pytest.mark.parametrize("finish", ["abort", "error"])
def test_a_generation_that_the_engine_gave_up_is_no_answer(finish: str) -> None:
    with pytest.raises(EngineError, match="gave the generation up"):
        decode(chunk({"content": "half a sen"}), chunk({}, finish))


def test_an_error_beside_the_choices_is_no_answer() -> None:
    with pytest.raises(EngineError, match="failed while it generated"):
        decode({**chunk({"content": ""}, "stop"), "error": {"code": 502, "message": "upstream"}})
