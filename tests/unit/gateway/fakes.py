"""Records with the fields that a test does not care about filled in, and stand-ins for what a stage calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from contracts.outcome import Attempt, Usage
from contracts.output import JsonSchemaOutput, OutputContract
from contracts.route import Action, RouteDecision
from contracts.task import Task
from gateway.prompting._messages import tool_call_schema
from gateway.records import AttemptKind, Chat, Delta, Endpoint, Job, Route, Tool, ToolUse

MODEL = "small-model"
WEATHER = Tool(
    "get_weather",
    "Look the weather up.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


class FakeClock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeTrace:
    """Keeps the attempts."""

    noted: list[Attempt] = field(default_factory=list)

    def attempt(self, attempt: Attempt) -> None:
        self.noted.append(attempt)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(self.noted)


Answer = Sequence[Delta] | Exception


class FakeGenerate:
    """Gives the scripted answers in their order and keeps the jobs that asked for them."""

    def __init__(self, *answers: Answer, before: Callable[[], None] = lambda: None) -> None:
        self._answers = iter(answers)
        self._before = before
        self.jobs: list[Job] = []
        self.closed = 0

    async def __call__(self, job: Job) -> AsyncGenerator[Delta]:
        self.jobs.append(job)
        self._before()
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        try:
            for delta in answer:
                if isinstance(delta, Exception):
                    raise delta
                yield delta
        except GeneratorExit:
            self.closed += 1
            raise


def said(text: str, finish: str = "stop", *, index: int = 0, tokens: int = 5) -> list[Delta]:
    """A whole answer."""
    return [
        Delta(index=index, text=text, finish_reason=finish),
        Delta(usage=Usage(prompt_tokens=10, completion_tokens=tokens)),
    ]


def schema_output(schema: dict[str, Any] | bool, *, strict: bool = False) -> JsonSchemaOutput:
    return JsonSchemaOutput(kind="json_schema", json_schema=schema, strict=strict)


def call_ids() -> Iterator[str]:
    return (f"call_{number}" for number in count(1))


def make_task(**changes: Any) -> Task:
    given: dict[str, Any] = {"name": "invoice", "description": "Reads.", "base_model": MODEL, **changes}
    return Task.model_validate(given)


def make_chat(text: str = "hello", **changes: Any) -> Chat:
    given: dict[str, Any] = {
        "endpoint": Endpoint.CHAT,
        "model": "auto",
        "messages": ({"role": "user", "content": text},),
        "text": text,
        **changes,
    }
    return Chat(**given)


def make_route(**changes: Any) -> Route:
    decision = changes.pop("decision", None) or RouteDecision(Action.ANSWER, None, 1.0, "model")
    return Route(decision, **{"pool": "small", "model": MODEL, **changes})


def make_job(output: OutputContract | None = None, *, tools: tuple[Tool, ...] = (), **changes: Any) -> Job:
    """A first attempt; with `tools` and no other `tool_use` it must end in a call."""
    use = changes.pop("tool_use", ToolUse.REQUIRED if tools else ToolUse.NONE)
    call = schema_output(dict(tool_call_schema(tools))) if tools else None
    given: dict[str, Any] = {
        "kind": AttemptKind.FIRST,
        "route": make_route(),
        "messages": [{"role": "user", "content": "hello"}],
        "prompt": None,
        "output": call if tools and use is not ToolUse.AUTO else output,
        "call": call,
        "tools": tools,
        "tool_use": use,
        "sampling": {},
        "max_tokens": None,
        "is_max_tokens_fixed": False,
        "choices": 1,
        "stream": False,
        "deadline": 1060.0,
        **changes,
    }
    return Job(**given)
