"""One JSON Schema for a call of any tool, proven with the validator that serving uses."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from gateway.prompting._messages import tool_call_schema
from gateway.records import Tool

POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
OTHER = Tool("other", "", {"type": "object", "properties": {"z": {"$ref": "#/$defs/P"}}, "$defs": {"P": {}}})


def call(name: str, arguments: Any, **extra: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments, **extra}


def validator(*parameters: dict[str, Any]) -> Any:
    tools = [OTHER, *(Tool(f"tool_{number}", "", schema) for number, schema in enumerate(parameters))]
    return jsonschema_rs.validator_for(tool_call_schema(tools), offline=True)


@pytest.mark.parametrize(
    "parameters",
    [
        {"properties": {"p": {"$ref": "#/$defs/P"}}, "$defs": {"P": POINT}},
        {"properties": {"p": {"$ref": "#/definitions/P"}}, "definitions": {"P": POINT}},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"p": {"$ref": "#/definitions/P"}},
            "definitions": {"P": POINT},
        },
        {"properties": {"p": {"allOf": [{"$ref": "#/$defs/A/B"}]}}, "$defs": {"A": {"B": POINT}}},
        {"properties": {"p": {"$ref": "#p"}}, "$defs": {"P": {"$anchor": "p", **POINT}}},
        {
            "$id": "https://tools.example/p",
            "properties": {"p": {"$ref": "#/$defs/P"}},
            "$defs": {"P": POINT},
        },
        {
            "$id": "https://tools.example/p",
            "properties": {"p": {"$ref": "https://tools.example/p#/$defs/P"}},
            "$defs": {"P": POINT},
        },
        {"properties": {"p": POINT, "$ref": {"type": "string"}}},
        {"properties": {"p": {"$ref": "#/$defs/P"}, "q": {"$ref": "#"}}, "$defs": {"P": POINT}},
    ],
    ids=str,
)
def test_references_find_their_definitions_inside_the_call(parameters: dict[str, Any]) -> None:
    proven = validator({"type": "object", **parameters})
    assert proven.is_valid(call("tool_0", {"p": {"x": 1}}))
    assert not proven.is_valid(call("tool_0", {"p": {"x": "1"}}))
    assert not proven.is_valid(call("tool_0", {"p": {}}))


def test_a_recursive_tool_is_checked_at_every_level() -> None:
    parameters = {"type": "object", "properties": {"id": {"type": "integer"}, "next": {"$ref": "#"}}}
    proven = validator(parameters)
    assert proven.is_valid(call("tool_0", {"id": 1, "next": {"id": 2}}))
    assert not proven.is_valid(call("tool_0", {"id": 1, "next": {"id": "2"}}))


def test_two_tools_may_name_their_definitions_alike() -> None:
    def tool(kind: str) -> dict[str, Any]:
        return {"type": "object", "properties": {"v": {"$ref": "#/$defs/V"}}, "$defs": {"V": {"type": kind}}}

    proven = validator(tool("integer"), tool("string"))
    assert proven.is_valid(call("tool_0", {"v": 1}))
    assert proven.is_valid(call("tool_1", {"v": "1"}))
    assert not proven.is_valid(call("tool_0", {"v": "1"}))
    assert not proven.is_valid(call("tool_1", {"v": 1}))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [],
        {"name": "tool_0"},
        {"arguments": {}},
        {"name": "nobody", "arguments": {}},
        {"name": "tool_0", "arguments": {}, "why": "because"},
        {"name": "tool_0", "arguments": "{}"},
    ],
    ids=str,
)
def test_nothing_but_a_call_of_an_offered_tool_is_valid(wrong: Any) -> None:
    proven = validator({"type": "object"})
    assert proven.is_valid(call("tool_0", {}))
    assert not proven.is_valid(wrong)


def test_the_tools_own_schema_is_left_as_it_was() -> None:
    parameters = {"type": "object", "properties": {"p": {"$ref": "#/$defs/P"}}, "$defs": {"P": POINT}}
    tool_call_schema([Tool("t", "", parameters)])
    assert parameters["properties"] == {"p": {"$ref": "#/$defs/P"}}
