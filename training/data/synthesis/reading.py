"""The rows that a run reads: inputs for a teacher, examples to show it, texts to stay away from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.task import Task
from training.data.examples import Example, read_dataset
from training.data.strict_json import parse_json
from training.errors import DatasetError

MAX_INPUTS: Final = 1_000_000

_Row = TypeVar("_Row", bound=BaseModel)


class InputRow(BaseModel):
    """A text to be answered; other keys of the row are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    output: Any = None
    group: str = ""
    slice: str = ""
    source: str = ""

    @property
    def has_output(self) -> bool:
        """Whether the row says what the answer is, be it null."""
        return "output" in self.model_fields_set


class _AvoidedRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str = Field(min_length=1)


def read_inputs(path: Path) -> tuple[InputRow, ...]:
    """Read inputs from JSON lines.

    Raises:
        DatasetError: the file cannot be read or is empty, a row is malformed, or an id stands twice.
    """
    rows = tuple(_rows(path, InputRow))
    if not rows:
        raise DatasetError(f"{path}: no rows")
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise DatasetError(f"{path}: id {row.id!r} stands twice")
        seen.add(row.id)
    return rows


def read_shots(path: Path | None, task: Task) -> tuple[Example, ...]:
    """The examples to show; none without a file.

    Raises:
        DatasetError: as `training.data.examples.read_dataset`.
    """
    return () if path is None else read_dataset(path, task.output).examples


def read_avoided(paths: Sequence[Path]) -> dict[str, str]:
    """Texts to stay away from, with the name of their file.

    Raises:
        DatasetError: a file cannot be read or has a row without a text.
    """
    return {row.text: path.name for path in paths for row in _rows(path, _AvoidedRow)}


def _rows(path: Path, model: type[_Row]) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                if number > MAX_INPUTS:
                    raise DatasetError(f"{path}: more than {MAX_INPUTS} rows")
                if line.strip():
                    yield _row(model, line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error


def _row(model: type[_Row], line: str, place: str) -> _Row:
    try:
        return model.model_validate(parse_json(line))
    except ValidationError as error:
        wrong = error.errors()[0]
        raise DatasetError(f"{place}: {'.'.join(map(str, wrong['loc'])) or 'row'}: {wrong['msg']}") from error
    except ValueError as error:
        raise DatasetError(f"{place}: no valid JSON: {error}") from error
