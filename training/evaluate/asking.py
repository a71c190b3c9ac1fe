"""Asking a served model: every example once through an OpenAI-compatible URL, a few at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypedDict

import httpx

from contracts.canonical import JsonForm, JsonValue
from contracts.output import ChoiceOutput, GrammarOutput, JsonObjectOutput, JsonSchemaOutput, RegexOutput
from contracts.prompt import render_prompt
from contracts.task import Task
from training.data.examples import Example
from training.recipes.encode import messages_of

_SPACED: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""What llguidance reads inside a schema; without it the engine writes no white space."""


class Through(StrEnum):
    """What answers at the URL: a gateway, which knows the task, or an engine, which is told everything."""

    GATEWAY = "gateway"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask, and under which model name; `json_form` is the layout that an engine is made to write."""

    url: str
    model: str
    through: Through
    api_key: str = ""
    concurrency: int = 8
    timeout_seconds: float = 300.0
    json_form: JsonForm = JsonForm.COMPACT


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one example; `error` is empty unless the request failed.

    `outcome` and `attempts` are the gateway's word on how the answer came about (see
    `contracts.outcome`), empty and 0 where nobody said; `cost_usd` likewise is None where unknown.
    """

    id: str
    text: str | None
    latency_seconds: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = ""
    error: str = ""
    outcome: str = ""
    attempts: int = 0
    cost_usd: float | None = None


class UrlAsker:
    """Asks an OpenAI-compatible URL; a structured contract's grammar is always sent or known there."""

    def __init__(self, task: Task, target: Target, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._task = task
        self._target = target
        self._transport = transport

    async def ask(self, examples: Sequence[Example], on_answer: Callable[[], None]) -> list[Answer]:
        """Answers in the order of the examples."""
        return await ask_all(self._task, examples, self._target, on_answer, self._transport)


async def ask_all(
    task: Task,
    examples: Sequence[Example],
    target: Target,
    on_answer: Callable[[], None],
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[Answer]:
    """Answers in the order of the examples; a failed request is an answer with an error."""
    permits = asyncio.Semaphore(target.concurrency)
    headers = {"authorization": f"Bearer {target.api_key}"} if target.api_key else {}
    limits = httpx.Limits(max_connections=target.concurrency)

    async def ask(client: httpx.AsyncClient, example: Example) -> Answer:
        async with permits:
            answer = await _ask(client, example.id, request_body(task, example.text, target))
        on_answer()
        return answer

    async with httpx.AsyncClient(
        base_url=target.url,
        headers=headers,
        limits=limits,
        timeout=target.timeout_seconds,
        transport=transport,
    ) as client:
        return list(await asyncio.gather(*(ask(client, example) for example in examples)))


def request_body(task: Task, text: str, target: Target) -> dict[str, JsonValue]:
    """The request for one text: the bare text for a gateway; prompt, sampling and grammar for an engine."""
    if target.through is Through.GATEWAY:
        return {"model": target.model, "messages": [{"role": "user", "content": text}]}
    body: dict[str, JsonValue] = {
        "model": target.model,
        "messages": messages_of(render_prompt(task, text)),
        "temperature": task.sampling.temperature,
        "max_tokens": task.sampling.max_tokens,
    }
    return {**body, **_constraint(task, target.json_form)}


def _constraint(task: Task, json_form: JsonForm) -> dict[str, JsonValue]:
    match task.output:
        case JsonSchemaOutput(json_schema=schema):
            if json_form is JsonForm.SPACED and isinstance(schema, dict):
                schema = {**schema, "x-guidance": _SPACED}
            named: JsonValue = {"name": task.name, "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        case JsonObjectOutput():
            return {"response_format": {"type": "json_object"}}
        case ChoiceOutput(choices=choices):
            return {"structured_outputs": {"choice": list(choices)}}
        case RegexOutput(pattern=pattern):
            return {"structured_outputs": {"regex": pattern}}
        case GrammarOutput(grammar=grammar):
            return {"structured_outputs": {"grammar": grammar}}
        case _:
            return {}


async def _ask(client: httpx.AsyncClient, example_id: str, body: Mapping[str, JsonValue]) -> Answer:
    started = time.perf_counter()
    try:
        response = await client.post("chat/completions", json=body)
        reply: dict[str, Any] = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return Answer(example_id, None, time.perf_counter() - started, error=type(error).__name__)
    seconds = time.perf_counter() - started
    said = _said(response.headers)
    if response.status_code != httpx.codes.OK:
        error_text = f"{response.status_code} {_code(reply)}".strip()
        return Answer(example_id, None, seconds, error=error_text, **said)
    try:
        choice, usage = reply["choices"][0], reply.get("usage") or {}
        return Answer(
            id=example_id,
            text=_text(choice["message"]),
            latency_seconds=seconds,
            prompt_tokens=usage.get("prompt_tokens", 0),
            completion_tokens=usage.get("completion_tokens", 0),
            finish_reason=choice.get("finish_reason") or "",
            **said,
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        return Answer(example_id, None, seconds, error="MalformedReply")


class _Said(TypedDict):
    outcome: str
    attempts: int
    cost_usd: float | None


def _said(headers: httpx.Headers) -> _Said:
    """The gateway's word on how the answer came about; an engine says nothing."""
    attempts, cost = headers.get("x-firstline-attempts", ""), headers.get("x-firstline-cost-usd", "")
    try:
        cost_usd = float(cost) if cost else None
    except ValueError:
        cost_usd = None
    return {
        "outcome": headers.get("x-firstline-outcome", ""),
        "attempts": int(attempts) if attempts.isdecimal() else 0,
        "cost_usd": cost_usd,
    }


def _text(message: Mapping[str, Any]) -> str | None:
    """The answer's text; a refusal stands in a field of its own."""
    text = message.get("content") or message.get("refusal")
    return text if isinstance(text, str) else None


def _code(reply: Mapping[str, Any]) -> str:
    error = reply.get("error")
    return str(error.get("code") or error.get("type") or "") if isinstance(error, dict) else ""
