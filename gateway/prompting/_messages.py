"""Chat messages as every chat template understands them: plain roles, string content."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from contracts.canonical import JsonValue, canonical_json
from gateway.records import JsonObject, Tool


def plain(messages: Sequence[JsonObject]) -> list[JsonObject]:
    """Rewrite developer turns, tool calls and tool results, which many small models' templates drop."""
    return [_plain(message) for message in messages]


def with_system(messages: Sequence[JsonObject], system: str) -> list[JsonObject]:
    """Put a system text first, joined to the one that is there."""
    if not system:
        return list(messages)
    if messages and messages[0]["role"] == "system":
        joined = f"{system}\n\n{messages[0]['content']}"
        return [{"role": "system", "content": joined}, *messages[1:]]
    return [{"role": "system", "content": system}, *messages]


def tool_instructions(tools: Sequence[Tool]) -> str:
    """Tell the model what it may call, and the form of a call."""
    listed = "\n".join(
        orjson.dumps({"name": t.name, "description": t.description, "parameters": t.parameters}).decode()
        for t in tools
    )
    return f'Call one of these functions. Answer with JSON: {{"name": ..., "arguments": ...}}.\n{listed}'


def tool_call_schema(tools: Sequence[Tool]) -> dict[str, JsonValue]:
    """One call of any of the tools, in any draft. Each tool's own `$defs` stay within its branch."""
    branches: list[JsonValue] = [
        {
            "type": "object",
            "properties": {"name": {"enum": [tool.name]}, "arguments": _embedded(tool.parameters, index)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for index, tool in enumerate(tools)
    ]
    return {"anyOf": branches}


def _embedded(schema: JsonValue, index: int) -> JsonValue:
    """Point `#/...` references at the place where this tool's schema comes to stand.

    Anchors need no move, and neither does a schema with an `$id`: it stays the root of its own references.
    """
    if isinstance(schema, dict) and "$id" not in schema:
        moved: dict[str, JsonValue] = {}
        for key, value in schema.items():
            is_local = key == "$ref" and isinstance(value, str) and (value == "#" or value.startswith("#/"))
            root = f"#/anyOf/{index}/properties/arguments"
            moved[key] = root + str(value)[1:] if is_local else _embedded(value, index)
        return moved
    if isinstance(schema, list):
        return [_embedded(item, index) for item in schema]
    return schema


def _plain(message: JsonObject) -> JsonObject:
    role, content = message["role"], _text(message.get("content"))
    calls = message.get("tool_calls")
    if role == "assistant" and isinstance(calls, list):
        called = [_call(entry["function"]) for entry in calls if isinstance(entry, dict)]
        return {"role": "assistant", "content": "\n".join([*([str(content)] if content else []), *called])}
    if role == "tool":
        return {"role": "user", "content": f"Function result: {content}"}
    if role == "developer":
        return {"role": "system", "content": content}
    return {"role": role, "content": content}


def _call(function: JsonValue) -> str:
    if not isinstance(function, dict):
        return ""
    try:
        arguments = orjson.loads(str(function.get("arguments") or "{}"))
    except orjson.JSONDecodeError:
        arguments = str(function.get("arguments"))
    return canonical_json({"name": function.get("name"), "arguments": arguments})


def _text(content: JsonValue) -> JsonValue:
    """Join text parts; a message with any other part keeps them all, for the engine to judge."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(map(str, texts)) if all(isinstance(text, str) for text in texts) else content
