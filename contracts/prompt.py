"""Rendering of a task's prompt: serving, training and evaluation call this one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from contracts.task import Task

_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)

# A template computes: what its expressions raise is its fault as much as a syntax error is.
_FAULTS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class PromptError(ValueError):
    """A template that does not parse, that uses a variable nobody gave, or that fails as it is rendered."""


@dataclass(frozen=True, slots=True)
class PromptPassage:
    """A passage as a template sees it; `number` counts from 1 and is what the answer cites."""

    number: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TaskPrompt:
    """The two turns that a task's templates make; `system` may be empty."""

    system: str
    user: str


def render_prompt(
    task: Task,
    text: str,
    variables: Mapping[str, str] | None = None,
    passages: Sequence[PromptPassage] = (),
) -> TaskPrompt:
    """Fill in the task's templates; the caller's variables override the task's defaults.

    Raises:
        PromptError: a template does not parse, names a variable that neither side gives, or fails.
    """
    scope = {"input": text, "variables": {**task.variables, **(variables or {})}, "passages": passages}
    try:
        system = _compile(task.instructions).render(scope).strip()
        user = _compile(task.prompt).render(scope).strip()
    except _FAULTS as error:
        raise PromptError(f"task {task.name!r}: {error}") from error
    return TaskPrompt(system, user)


def render_question(question: str, text: str, answer: str) -> str:
    """Fill in a verifier's question, a template over `input` and `answer`.

    Raises:
        PromptError: it does not parse, names another variable, or fails.
    """
    try:
        return _compile(question).render({"input": text, "answer": answer}).strip()
    except _FAULTS as error:
        raise PromptError(f"the verifier's question: {error}") from error


@lru_cache(maxsize=1024)
def _compile(source: str) -> Template:
    return _environment.from_string(source)
