"""Responses requests: items to chat messages, and what cannot be served."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.output import JsonObjectOutput, JsonSchemaOutput
from gateway.errors import InvalidRequestError
from gateway.parsing.responses import parse_responses
from gateway.records import Chat, Endpoint, ToolUse


def parse(**fields: Any) -> Chat:
    return parse_responses({"model": "m", "input": "hi", **fields})


def refused(**fields: Any) -> str | None:
    with pytest.raises(InvalidRequestError) as caught:
        parse(**fields)
    assert caught.value.status == 400
    return caught.value.param


def test_text_becomes_a_user_turn() -> None:
    chat = parse(input="hello")
    assert chat.endpoint is Endpoint.RESPONSES
    assert chat.messages == ({"role": "user", "content": "hello"},)
    assert (chat.text, chat.include_usage, chat.stream) == ("hello", True, False)


def test_instructions_come_first_and_are_echoed() -> None:
    chat = parse(instructions="Be brief.", max_output_tokens=7, temperature=0.5)
    assert chat.messages[0] == {"role": "system", "content": "Be brief."}
    assert chat.echo == {"instructions": "Be brief.", "max_output_tokens": 7, "temperature": 0.5}
    assert chat.max_tokens == 7


def test_items_become_turns_in_their_order() -> None:
    items = [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "c"}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"x":1}'},
        {"type": "function_call_output", "call_id": "1", "output": "sunny"},
    ]
    chat = parse(input=items)
    assert chat.messages == (
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": "c"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
    )
    assert chat.text == "a\nb"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": [5]}, "input"),
        ({"input": [{"role": "system", "content": "x"}]}, "input"),
        ({"input": [{"type": "reasoning"}]}, "input.0.type"),
        ({"input": [{"type": ["message"]}]}, "input.0.type"),
        ({"input": [{"role": "pirate", "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": "user", "content": [{"type": "file"}]}]}, "input.0"),
        ({"input": [{"type": "function_call_output", "output": [1]}]}, "input.0.output"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "mcp"}}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"model": ""}, "model"),
    ],
    ids=str,
)
def test_what_cannot_be_served_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields) == param


def test_the_format_is_an_output_contract() -> None:
    schema = {"type": "object"}
    flat = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
    assert parse(text={"format": flat}).output == JsonSchemaOutput(
        kind="json_schema", json_schema=schema, strict=True
    )
    assert parse(text={"format": {"type": "json_object"}}).output == JsonObjectOutput(kind="json_object")
    assert parse(text={"format": {"type": "text"}}).output is None
    assert parse(text={}).output is None


def test_flat_tools_are_the_same_tools() -> None:
    tools = [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}}]
    chat = parse(tools=tools, tool_choice={"type": "function", "name": "f"})
    assert [(t.name, t.description, t.parameters) for t in chat.tools] == [("f", "d", {"type": "object"})]
    assert chat.tool_use is ToolUse.NAMED
    assert chat.echo["tools"] == tools
