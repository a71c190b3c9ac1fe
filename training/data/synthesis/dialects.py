"""How a task is put to different kinds of servers, and how their answer is read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from contracts.canonical import JsonValue, canonical_json
from contracts.output import ChoiceOutput, GrammarOutput, JsonObjectOutput, JsonSchemaOutput, RegexOutput
from contracts.prompt import render_prompt
from contracts.task import Task
from training.data.examples import Example
from training.evaluate.asking import Target, Through, request_body
from training.recipes.encode import target_text

_WRAPPED_KEY: Final = "answer"


class Dialect(StrEnum):
    """What a server understands.

    A gateway knows the task; an engine (vLLM) takes every kind of grammar; `openai` takes JSON Schema
    alone, so that a choice travels inside an object; `plain` takes no constraint at all.
    """

    GATEWAY = "gateway"
    ENGINE = "engine"
    OPENAI = "openai"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Shot:
    """An example that stands before the question as a pair of turns."""

    text: str
    answer: str


def shots_of(task: Task, examples: Sequence[Example]) -> tuple[Shot, ...]:
    """Examples as turns, their outputs in the form that the model shall write."""
    return tuple(Shot(one.text, target_text(task, one.output)) for one in examples)


def task_request(
    task: Task, text: str, *, model: str, dialect: Dialect, shots: Sequence[Shot] = ()
) -> dict[str, JsonValue]:
    """The request for one text under the task's contract, as far as the server can be told of it."""
    through = Through.GATEWAY if dialect is Dialect.GATEWAY else Through.ENGINE
    body = dict(request_body(task, text, Target("", model, through)))
    if dialect in (Dialect.OPENAI, Dialect.PLAIN):
        body.pop("structured_outputs", None)
        body.pop("response_format", None)
    if dialect is Dialect.OPENAI:
        body.update(_schema_constraint(task))
    messages = body["messages"]
    if shots and isinstance(messages, list):
        body["messages"] = [*messages[:-1], *_turns(task, shots, dialect), messages[-1]]
    return body


def answer_of(task: Task, text: str | None, dialect: Dialect) -> str | None:
    """The answer as the task knows it: what `openai` had to wrap is taken out again.

    What is not in the wrapper comes back as it is: whether it keeps the contract is for others to say.
    """
    if text is None or dialect is not Dialect.OPENAI or not _is_wrapped(task):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    wrapped = value.get(_WRAPPED_KEY) if isinstance(value, dict) and len(value) == 1 else None
    return wrapped if isinstance(wrapped, str) else text


def schema_format(name: str, schema: JsonValue, *, strict: bool = True) -> dict[str, JsonValue]:
    """The request's fields that force JSON of a schema; engines and OpenAI-like servers share them."""
    named: JsonValue = {"name": name, "schema": schema, "strict": strict}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def value_schema(task: Task) -> dict[str, Any]:
    """A JSON Schema of one output of the task; a grammar's is any text."""
    match task.output:
        case JsonSchemaOutput(json_schema=schema):
            return schema if isinstance(schema, dict) else {"type": "object"}
        case JsonObjectOutput():
            return {"type": "object"}
        case ChoiceOutput(choices=choices):
            return {"type": "string", "enum": list(choices)}
        case RegexOutput(pattern=pattern):
            return {"type": "string", "pattern": f"^(?:{pattern})$"}
        case _:
            return {"type": "string"}


def _turns(task: Task, shots: Sequence[Shot], dialect: Dialect) -> list[JsonValue]:
    turns: list[JsonValue] = []
    for shot in shots:
        answer = shot.answer
        if dialect is Dialect.OPENAI and _is_wrapped(task):
            answer = canonical_json({_WRAPPED_KEY: answer})
        turns.append({"role": "user", "content": render_prompt(task, shot.text).user})
        turns.append({"role": "assistant", "content": answer})
    return turns


def _is_wrapped(task: Task) -> bool:
    return isinstance(task.output, ChoiceOutput | RegexOutput)


def _schema_constraint(task: Task) -> dict[str, JsonValue]:
    if isinstance(task.output, JsonSchemaOutput):
        return schema_format(task.name, value_schema(task))
    if isinstance(task.output, JsonObjectOutput):
        return {"response_format": {"type": "json_object"}}
    if not _is_wrapped(task):
        return {}
    wrapper: JsonValue = {
        "type": "object",
        "properties": {_WRAPPED_KEY: value_schema(task)},
        "required": [_WRAPPED_KEY],
        "additionalProperties": False,
    }
    return schema_format(task.name, wrapper)


def needs_engine(task: Task) -> bool:
    """Whether only a grammar can force the contract."""
    return isinstance(task.output, GrammarOutput)
