"""`response_format` and `structured_outputs` to one output contract, and `tools` to records."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import ValidationError

from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
)
from gateway.errors import InvalidRequestError
from gateway.parsing.decode import first_fault
from gateway.parsing.wire import NamedToolChoice, ResponseFormat, StructuredOutputs, ToolParam
from gateway.records import Tool, ToolUse


def output_of(
    response_format: ResponseFormat | None, structured: StructuredOutputs | None
) -> OutputContract | None:
    """The request's own contract, or None.

    Raises:
        InvalidRequestError: both are given, or one is incomplete.
    """
    if structured is not None:
        if response_format is not None and response_format.type != "text":
            raise InvalidRequestError(
                "response_format and structured_outputs exclude each other", param="structured_outputs"
            )
        return _from_structured(structured)
    if response_format is None or response_format.type == "text":
        return None
    if response_format.type == "json_object":
        return JsonObjectOutput(kind="json_object")
    schema = response_format.json_schema
    if schema is None:
        raise InvalidRequestError(
            'response_format.json_schema is required with type "json_schema"',
            param="response_format.json_schema",
        )
    return JsonSchemaOutput(kind="json_schema", json_schema=schema.json_schema, strict=bool(schema.strict))


def _from_structured(structured: StructuredOutputs) -> OutputContract:
    fields = structured.model_dump(by_alias=True).items()
    given = [name for name, value in fields if value is not None and (name, value) != ("json_object", False)]
    if len(given) != 1:
        raise InvalidRequestError(
            "structured_outputs takes exactly one of json, json_object, choice, regex, grammar",
            param="structured_outputs",
        )
    try:
        match given[0]:
            case "json":
                return JsonSchemaOutput(kind="json_schema", json_schema=_schema(structured.json_schema))
            case "choice":
                return ChoiceOutput(kind="choice", choices=tuple(structured.choice or ()))
            case "regex":
                return RegexOutput(kind="regex", pattern=structured.regex or "")
            case "grammar":
                return GrammarOutput(kind="grammar", grammar=structured.grammar or "")
            case _:
                return JsonObjectOutput(kind="json_object")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # The contract's own field has another name than the request's.
        raise first_fault([{**first, "loc": first["loc"][1:]}], f"structured_outputs.{given[0]}") from error


def _schema(value: Any) -> Any:
    """VLLM also takes the schema as text."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError(
            f"structured_outputs.json is not valid JSON: {error}", param="structured_outputs.json"
        ) from error


def tools_of(
    params: list[ToolParam] | None, choice: str | NamedToolChoice | None
) -> tuple[tuple[Tool, ...], ToolUse]:
    """The tools that may be called, narrowed to the named one.

    Raises:
        InvalidRequestError: two tools share a name, or the choice names none of them.
    """
    tools = tuple(
        Tool(
            p.function.name,
            p.function.description or "",
            p.function.parameters or {"type": "object"},
            strict=bool(p.function.strict),
        )
        for p in params or ()
    )
    names = [tool.name for tool in tools]
    if len(set(names)) != len(names):
        raise InvalidRequestError("tools: two tools have the same name", param="tools")
    if isinstance(choice, NamedToolChoice):
        chosen = tuple(tool for tool in tools if tool.name == choice.function.name)
        if not chosen:
            raise InvalidRequestError(
                f"tool_choice names {choice.function.name!r}, which is not among tools", param="tool_choice"
            )
        return chosen, ToolUse.NAMED
    use = ToolUse(choice or "auto")
    if use is ToolUse.REQUIRED and not tools:
        raise InvalidRequestError('tool_choice "required" needs tools', param="tool_choice")
    return (() if use is ToolUse.NONE else tools), use
