"""`POST /v1/responses` to a chat: the same pipeline serves it, and nothing is stored."""

from __future__ import annotations

from typing import Any

from gateway.errors import InvalidRequestError, UnknownFieldError, UnsupportedFieldError
from gateway.parsing.decode import validated
from gateway.parsing.outputs import output_of, tools_of
from gateway.parsing.wire import (
    FirstlineOptions,
    FunctionTool,
    JsonSchemaFormat,
    Message,
    NamedToolChoice,
    ResponseFormat,
    ResponsesBody,
    ResponsesText,
    ResponsesToolChoice,
    ToolParam,
)
from gateway.records import Chat, Endpoint, JsonObject, StreamMode

_STATELESS = "responses are not stored here; send the whole conversation as input"
_REFUSED = {
    "background": _STATELESS,
    "conversation": _STATELESS,
    "max_tool_calls": "there are no built-in tools",
    "previous_response_id": _STATELESS,
    "prompt": "stored prompts are tasks here; name one as the model",
}
_FORWARDED = frozenset({"temperature", "top_p", "user"})
_WITHOUT_EFFECT = frozenset(
    {
        "include",
        "metadata",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "stream_options",
        "top_logprobs",
        "truncation",
    }
)
_ECHOED = ("instructions", "metadata", "temperature", "top_p", "tools", "tool_choice", "max_output_tokens")


def parse_responses(body: dict[str, Any]) -> Chat:
    """Read a Responses request.

    Raises:
        InvalidRequestError: a field or an input item that cannot be served.
    """
    _check_fields(body)
    parsed = validated(ResponsesBody, body)
    tools, use = tools_of(
        [
            ToolParam(type="function", function=FunctionTool(**tool.model_dump()))
            for tool in parsed.tools or ()
        ],
        _choice(parsed.tool_choice),
    )
    messages = _messages(parsed.instructions, parsed.input)
    options = parsed.firstline or FirstlineOptions()
    return Chat(
        endpoint=Endpoint.RESPONSES,
        model=parsed.model,
        messages=messages,
        text=_last_text(messages),
        stream=bool(parsed.stream),
        include_usage=True,
        max_tokens=parsed.max_output_tokens,
        output=output_of(_format(parsed.text), None),
        stream_mode=StreamMode(options.stream) if options.stream else None,
        allow_partial_grammar=options.allow_partial_grammar,
        tools=tools,
        tool_use=use,
        parallel_tool_calls=parsed.parallel_tool_calls is not False,
        sampling={name: body[name] for name in _FORWARDED if body.get(name) is not None},
        variables=options.variables,
        ignored=tuple(sorted(name for name in _WITHOUT_EFFECT if body.get(name) is not None)),
        echo={name: body[name] for name in _ECHOED if name in body},
    )


def _check_fields(body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name in _REFUSED:
            raise UnsupportedFieldError(f"{name!r} is not supported: {_REFUSED[name]}", param=name)
        if name == "store" and value:
            raise UnsupportedFieldError("'store' must be false: " + _STATELESS, param="store")
        if name not in ResponsesBody.model_fields and name not in _FORWARDED | _WITHOUT_EFFECT:
            raise UnknownFieldError(
                f"Unknown field {name[:100]!r}; it would have no effect, so the request is refused",
                param=name[:100],
            )


def _choice(choice: str | ResponsesToolChoice | None) -> str | NamedToolChoice | None:
    if isinstance(choice, ResponsesToolChoice):
        return NamedToolChoice.model_validate({"type": "function", "function": {"name": choice.name}})
    return choice


def _format(text: ResponsesText | None) -> ResponseFormat | None:
    if text is None or text.format is None:
        return None
    if text.format.get("type") != "json_schema":
        return validated(ResponseFormat, text.format, "text.format")
    schema = validated(JsonSchemaFormat, text.format, "text.format")
    return ResponseFormat(type="json_schema", json_schema=schema)


def _messages(instructions: str | None, items: str | list[dict[str, Any]]) -> tuple[JsonObject, ...]:
    """Flatten input items to chat messages."""
    messages: list[JsonObject] = []
    if instructions:
        messages.append({"role": "system", "content": instructions})
    if isinstance(items, str):
        messages.append({"role": "user", "content": items})
    else:
        messages += [_message(item, index) for index, item in enumerate(items)]
    if not any(message["role"] != "system" for message in messages):
        raise InvalidRequestError("input: there is nothing to answer", param="input")
    return tuple(messages)


def _message(item: dict[str, Any], index: int) -> JsonObject:
    at = f"input.{index}"
    match item.get("type", "message"):
        case "message":
            message = validated(Message, item, at)
            content = message.content
            if isinstance(content, list):
                parts = [part for part in content if part.type in ("input_text", "output_text", "text")]
                if len(parts) != len(content):
                    raise InvalidRequestError(f"{at}.content: only text is supported", param=at)
                content = "\n".join(part.text for part in parts if hasattr(part, "text"))
            return {"role": message.role, "content": content or ""}
        case "function_call":
            call = {"name": str(item.get("name", "")), "arguments": str(item.get("arguments", ""))}
            entry: JsonObject = {"id": str(item.get("call_id", "")), "type": "function", "function": call}
            return {"role": "assistant", "content": None, "tool_calls": [entry]}
        case "function_call_output":
            output = item.get("output")
            if not isinstance(output, str):
                raise InvalidRequestError(f"{at}.output: send a string", param=f"{at}.output")
            return {"role": "tool", "tool_call_id": str(item.get("call_id", "")), "content": output}
        case other:
            raise InvalidRequestError(f"{at}.type: {str(other)[:50]!r} is not supported", param=f"{at}.type")


def _last_text(messages: tuple[JsonObject, ...]) -> str:
    last = next((message for message in reversed(messages) if message["role"] == "user"), None)
    return str(last["content"]) if last else ""
