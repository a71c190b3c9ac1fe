"""A job as the JSON that an engine takes. What differs between vLLM and other servers stands here."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from contracts.canonical import JsonForm, JsonValue
from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
)
from gateway.records import PORTABLE_SAMPLING, Job, JsonObject, ToolUse
from gateway.settings import PoolKind, PoolSettings

CHAT_PATH = "/v1/chat/completions"
COMPLETION_PATH = "/v1/completions"

_SEPARATORS = {JsonForm.COMPACT: (",", ":"), JsonForm.SPACED: (", ", ": ")}


def path_of(job: Job) -> str:
    """The endpoint that the job goes to."""
    return CHAT_PATH if job.prompt is None else COMPLETION_PATH


def payload_of(job: Job, pool: PoolSettings) -> bytes:
    """Encode the job for a pool, with the field names that it knows."""
    body: dict[str, JsonValue] = {"model": job.route.adapter or job.route.model}
    if job.prompt is None:
        body["messages"] = list(job.messages)
    else:
        body["prompt"] = job.prompt
    is_vllm = pool.kind is PoolKind.VLLM
    body |= {name: v for name, v in job.sampling.items() if is_vllm or name in PORTABLE_SAMPLING}
    if job.max_tokens is not None:
        body[pool.max_tokens_field] = job.max_tokens
    if job.choices > 1:
        body["n"] = job.choices
    if job.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    is_native = bool(job.tools) and not is_vllm
    if is_native:
        body |= _native_tools(job)
    # A forced call's contract stands in the tools already.
    if not is_native or job.tool_use is ToolUse.AUTO:
        body |= _constraint(job, is_vllm=is_vllm)
    for name in pool.drop_fields:
        body.pop(name, None)
    return orjson.dumps(body)


def _constraint(job: Job, *, is_vllm: bool) -> JsonObject:
    output = job.forced if is_vllm and job.forced is not None else job.output
    if isinstance(output, JsonSchemaOutput | JsonObjectOutput):
        return _json_constraint(output, job.route.json_form, is_vllm=is_vllm)
    return _text_constraint(output) if output is not None and is_vllm else {}


def _native_tools(job: Job) -> JsonObject:
    """An upstream that has tools of its own is asked in its own way."""
    tools: list[JsonValue] = [
        {
            "type": "function",
            "function": {
                "name": t.name,
                "description": t.description,
                "parameters": t.parameters,
                **({"strict": True} if t.strict else {}),
            },
        }
        for t in job.tools
    ]
    choice: JsonValue = str(job.tool_use)
    if job.tool_use is ToolUse.NAMED:
        choice = {"type": "function", "function": {"name": job.tools[0].name}}
    one_at_a_time: JsonObject = {} if job.parallel_tool_calls else {"parallel_tool_calls": False}
    return {"tools": tools, "tool_choice": choice, **one_at_a_time}


def _json_constraint(
    output: JsonSchemaOutput | JsonObjectOutput, form: JsonForm, *, is_vllm: bool
) -> JsonObject:
    """JSON Schema is the one constraint that every server knows; the layout is vLLM's alone."""
    if isinstance(output, JsonSchemaOutput):
        if is_vllm:
            return _response_format(laid_out(output.json_schema, form))
        return _response_format(output.json_schema, is_strict=output.strict)
    if is_vllm:
        return _response_format(laid_out({"type": "object"}, form))
    return {"response_format": {"type": "json_object"}}


def _text_constraint(output: OutputContract) -> JsonObject:
    match output:
        case ChoiceOutput(choices=choices):
            return {"structured_outputs": {"choice": list(choices)}}
        case RegexOutput(pattern=pattern):
            return {"structured_outputs": {"regex": pattern}}
        case GrammarOutput(grammar=grammar):
            return {"structured_outputs": {"grammar": grammar}}
        case _:
            return {}


def _response_format(schema: JsonValue, *, is_strict: bool = False) -> JsonObject:
    """A grammar is always strict; an upstream is so where it is asked to be."""
    described: JsonObject = {"name": "answer", "schema": schema, **({"strict": True} if is_strict else {})}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def laid_out(schema: JsonObject | bool, form: JsonForm) -> JsonObject:
    """Fix the white space of a schema's grammar (llguidance's `x-guidance`), request by request."""
    item, key = _SEPARATORS[form]
    options: JsonObject = {"whitespace_flexible": False, "item_separator": item, "key_separator": key}
    if isinstance(schema, bool):
        return {"x-guidance": options} if schema else {"not": {}}
    given = schema.get("x-guidance")
    # Nothing of a client's own reaches the engine unvetted.
    lenient = {"lenient": True} if isinstance(given, Mapping) and given.get("lenient") is True else {}
    return {**schema, "x-guidance": {**lenient, **options}}
