"""Examples for training and evaluation, read from JSON lines; each output keeps the task's contract."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput, OutputContract
from training.errors import DatasetError, MissingLibraryError

if TYPE_CHECKING:
    import jsonschema_rs


class Example(BaseModel):
    """One row: what goes in, what must come out. `group` and `slice` are free labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    output: Any
    group: str = ""
    slice: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The examples of one file, and the SHA-256 of its bytes."""

    examples: tuple[Example, ...]
    sha256: str


def read_dataset(path: Path, contract: OutputContract) -> Dataset:
    """Read a data file.

    Raises:
        DatasetError: it cannot be read, is empty or repeats an id, or a row is malformed or breaks the
            contract.
    """
    try:
        raw = path.read_bytes()
        lines = raw.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error
    examples = tuple(
        _example(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()
    )
    if not examples:
        raise DatasetError(f"{path}: no rows")
    _refuse_repeats(examples, path)
    check = Conformity(contract)
    for example in examples:
        if reason := check.violation(example.output):
            raise DatasetError(f"{path}: row {example.id!r}: output breaks the task's contract: {reason}")
    return Dataset(examples, hashlib.sha256(raw).hexdigest())


class Conformity:
    """Whether a value keeps an output contract; the schema is compiled once."""

    def __init__(self, contract: OutputContract) -> None:
        self._contract = contract
        self._validator = _validator(contract.json_schema) if isinstance(contract, JsonSchemaOutput) else None

    def violation(self, value: object) -> str:
        """The first violation in words; empty if the value conforms."""
        if self._validator is not None:
            error = next(iter(self._validator.iter_errors(value)), None)
            return "" if error is None else str(error.message)
        if isinstance(self._contract, JsonObjectOutput):
            return "" if isinstance(value, dict) else "no JSON object"
        if not isinstance(value, str):
            return "no text"
        if isinstance(self._contract, ChoiceOutput) and value not in self._contract.choices:
            return f"{value!r} is none of the choices"
        return ""


def _validator(schema: dict[str, Any] | bool) -> jsonschema_rs.Validator:
    try:
        import jsonschema_rs  # noqa: PLC0415 - an engine's environment may lack it: a sentence, not a traceback
    except ModuleNotFoundError as error:
        raise MissingLibraryError("jsonschema-rs") from error
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def _example(line: str, place: str) -> Example:
    try:
        return Example.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise DatasetError(f"{place}: no valid JSON: {error}") from error
    except ValidationError as error:
        raise DatasetError(f"{place}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from error


def _refuse_repeats(examples: Iterable[Example], path: Path) -> None:
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise DatasetError(f"{path}: id {example.id!r} stands twice")
        seen.add(example.id)
