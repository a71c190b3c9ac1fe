"""Reading one task file: bounded YAML without aliases, the schema, the templates, the output contract."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from contracts.output import PythonTypeOutput
from contracts.prompt import PromptError, PromptPassage, render_prompt
from contracts.route import Action
from contracts.task import Task
from gateway.errors import SchemaUnsupportedError
from gateway.tasks._python_types import PythonTypeError, PythonTypes

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 64
RESERVED_NAMES = frozenset({"auto"})
_DUMMY_PASSAGE = PromptPassage(number=1, title="A title", text="Some text.")


class TaskFileError(ValueError):
    """A task file that cannot be used; `file` is its name, the message says which key and what is allowed."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(f"{file}: {message}")
        self.file = file
        self.message = message


@dataclass(frozen=True, slots=True)
class TaskRules:
    """What a task may refer to (None: anything), and what else it is checked for.

    `check_task` raises `SchemaUnsupportedError` for an output contract that cannot be served, and
    `ValueError` for a verification that cannot. `python_types`
    resolves outputs of that kind; by default it allows none.
    """

    base_models: Collection[str] | None
    collections: Collection[str] | None
    check_task: Callable[[Task], None]
    python_types: PythonTypes = field(default_factory=PythonTypes)


class _Named(BaseModel):
    """As much of a task as names its type; faults are reported with the key's whole path."""

    output: PythonTypeOutput


class _Loader(yaml.CSafeLoader):
    """YAML as JSON data: duplicate keys are refused, and a date stays the string that was written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to say what a plain scalar may become
        first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(
                None, None, "a key occurs twice in this mapping", node.start_mark
            )
        return mapping


def read_bytes(path: Path) -> bytes:
    """Read one regular file.

    Raises:
        TaskFileError: the file is no regular file, is over the bound, or cannot be read.
        FileNotFoundError: the file is gone.
    """
    try:
        # A pipe would block the open; O_NONBLOCK does not change how a regular file is read.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TaskFileError(path.name, "is not a regular file")
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TaskFileError(path.name, f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise TaskFileError(path.name, f"is over {MAX_FILE_BYTES} bytes")
    return content


def check_task_file(path: Path, rules: TaskRules) -> Task:
    """Read and judge one file as the catalog would; blocks.

    Raises:
        TaskFileError: the file is missing, or anything about it that would fail later.
    """
    try:
        return parse_task(path.name, read_bytes(path), rules)
    except FileNotFoundError as error:
        raise TaskFileError(path.name, "does not exist") from error


def parse_task(file: str, content: bytes, rules: TaskRules) -> Task:
    """Turn a file's bytes into a task that can be served.

    Raises:
        TaskFileError: anything about it that would fail later.
    """
    data = _parse_yaml(file, content)
    if not isinstance(data, dict):
        raise TaskFileError(file, "expected a mapping of the task's keys at the top")
    try:
        task = Task.model_validate(_resolved(data, rules.python_types))
    except PythonTypeError as error:
        raise TaskFileError(file, f"output.type: {error}") from error
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'task'}: {item['msg']}" for item in error.errors()]
        raise TaskFileError(file, "; ".join(lines[:10])) from error
    _check_references(file, task, rules)
    _check_templates(file, task)
    try:
        rules.check_task(task)
    except SchemaUnsupportedError as error:
        raise TaskFileError(file, f"output: {error.message}") from error
    except ValueError as error:
        raise TaskFileError(file, f"verification: {error}") from error
    return task


def _resolved(data: dict[str, Any], types: PythonTypes) -> dict[str, Any]:
    """Put the contract that a Python type stands for in its place."""
    output = data.get("output")
    if not isinstance(output, dict) or output.get("kind") != "python_type":
        return data
    return {**data, "output": types.resolve(_Named.model_validate(data).output.type)}


def _parse_yaml(file: str, content: bytes) -> object:
    try:
        text = content.decode("utf-8")
        _check_events(file, text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError as error:
        raise TaskFileError(file, f"is not UTF-8 at byte {error.start}") from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        if isinstance(error, TaskFileError):
            raise
        raise TaskFileError(file, f"is not valid YAML: {' '.join(str(error).split())[:500]}") from error


def _check_events(file: str, text: str) -> None:
    """Refuse aliases and deep nesting before anything is built: both grow without bound."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise TaskFileError(file, f"aliases are not allowed: *{event.anchor}; write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise TaskFileError(file, f"is nested deeper than {MAX_DEPTH} levels")


def _check_references(file: str, task: Task, rules: TaskRules) -> None:
    known = rules.base_models
    if task.name in RESERVED_NAMES or task.name in (known or ()):
        raise TaskFileError(file, f"name: {task.name!r} already means something else as a model name")
    if known is not None and task.base_model not in known:
        raise TaskFileError(file, f"base_model: no pool serves {task.base_model!r}; served: {sorted(known)}")
    if task.retrieval is None:
        if task.action is Action.RETRIEVE:
            raise TaskFileError(file, "retrieval: a task with action 'retrieve' names a collection")
    elif rules.collections is not None and task.retrieval.collection not in rules.collections:
        raise TaskFileError(
            file,
            f"retrieval.collection: no collection is named {task.retrieval.collection!r}; "
            f"configured: {sorted(rules.collections)}",
        )


def _check_templates(file: str, task: Task) -> None:
    try:
        render_prompt(task, "Some input.", passages=(_DUMMY_PASSAGE,))
    except (PromptError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise TaskFileError(file, f"instructions or prompt: {error}") from error
    except RecursionError as error:
        raise TaskFileError(file, "instructions or prompt: nested too deeply") from error
