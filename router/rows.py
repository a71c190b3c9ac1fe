"""What a router is fitted and measured on: labelled rows, and the examples of task files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from contracts.route import Action
from contracts.task import Task
from router.bundle import ACTION_PREFIX, OUT_OF_SCOPE, ROW_ACTIONS


class RowsError(Exception):
    """A file of rows or tasks that cannot be used; the message names file, line and what is allowed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text.

    `task` is the task it belongs to; else `action` is what serves it without a task; both None: out of scope.
    Rows of one `group` are held out together, so that near copies do not flatter the calibration. `place` is
    the file and the line.
    """

    text: str
    task: str | None
    action: Action | None
    group: str
    place: str = ""

    @property
    def route_class(self) -> str:
        """The class of the route head that this row belongs to."""
        if self.task is not None:
            return self.task
        return OUT_OF_SCOPE if self.action is None else f"{ACTION_PREFIX}{self.action}"


class _WireRow(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    text: str
    label: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None
    group: str | None = None


def read_rows(path: Path, out_of_scope_label: str | None = None) -> tuple[Row, ...]:
    """Read JSON lines {"text", "label"}, in which other fields but `group` are ignored.

    A label is a task's name, `action:answer`, `action:tool` or `action:escalate`, or null for a text out of
    scope; `out_of_scope_label` is one more way to write null.

    Raises:
        RowsError: the file cannot be read or is empty, or a line is not such a row.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RowsError(f"{path.name}: {error.strerror}") from error
    rows = tuple(
        _parse(line, f"{path.name}:{number}", out_of_scope_label)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )
    if not rows:
        raise RowsError(f"{path.name}: it has no rows")
    return rows


def read_tasks(folder: Path) -> tuple[Task, ...]:
    """Read the task files (`*.yaml`) of a folder, in the order of their names.

    Raises:
        RowsError: there is none, one does not parse, or two have the same name.
    """
    tasks = tuple(_task(path) for path in sorted(folder.glob("*.yaml")))
    names = [task.name for task in tasks]
    if not tasks:
        raise RowsError(f"{folder.name}: there is no task file (*.yaml) in this folder")
    if len(set(names)) < len(names):
        raise RowsError(f"{folder.name}: two task files have the same name; names are {', '.join(names)}")
    return tasks


def rows_of_tasks(tasks: Sequence[Task]) -> tuple[Row, ...]:
    """The examples that stand in the tasks themselves."""
    return tuple(
        Row(text, task.name, None, f"{task.name}/{number}")
        for task in tasks
        for number, text in enumerate(task.examples)
    )


def _parse(line: bytes, place: str, out_of_scope_label: str | None) -> Row:
    try:
        wire = _WireRow.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "row"
        raise RowsError(
            f'{place}: {field}: {first["msg"]}; a row is {{"text": "...", "label": "task name or null"}}'
        ) from error
    if not wire.text.strip():
        raise RowsError(f"{place}: text: it is empty")
    label = None if wire.label == out_of_scope_label else wire.label
    group = wire.group or place
    if label is None:
        return Row(wire.text, None, None, group, place)
    if not label.startswith(ACTION_PREFIX):
        if label.startswith("("):
            raise RowsError(f"{place}: label: {label!r} must not start with a parenthesis")
        return Row(wire.text, label, None, group, place)
    if label.removeprefix(ACTION_PREFIX) not in ROW_ACTIONS:
        allowed = ", ".join(f"{ACTION_PREFIX}{action}" for action in ROW_ACTIONS)
        raise RowsError(f"{place}: label: {label!r} is not one of {allowed}")
    return Row(wire.text, None, Action(label.removeprefix(ACTION_PREFIX)), group, place)


def _task(path: Path) -> Task:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        output = data.get("output") if isinstance(data, dict) else None
        if isinstance(output, dict) and output.get("kind") == "python_type":
            del data["output"]  # the gateway alone resolves a Python type, and no row depends on it
        return Task.model_validate(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise RowsError(f"{path.name}: it is not a task file: {error}") from error
