"""Examples for training and evaluation, read from JSON lines; each output keeps the task's contract."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.artifact import digest_of
from contracts.dataset import MANIFEST_FILE, SPLITS, DatasetManifest
from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput, OutputContract, TextOutput
from training.data.strict_json import parse_json
from training.errors import DatasetError, MissingLibraryError

if TYPE_CHECKING:
    import jsonschema_rs


REPLAY_SOURCE: Final = "replay"
"""The `source` of a general example that is mixed into train. It is no example of the task: its text is the
whole user turn, without the task's prompt, and its output is text, whatever the task's contract is."""


class Example(BaseModel):
    """One row: what goes in, what must come out.

    `group`, `slice` and `source` are free labels (but see `REPLAY_SOURCE`). `rejected_output` is the worse
    answer of a preference pair: it need not keep the contract, and is text where the contract is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    output: Any
    group: str = ""
    slice: str = ""
    source: str = ""
    rejected_output: Any = None

    @property
    def is_replay(self) -> bool:
        """Whether this is a general example and none of the task."""
        return self.source == REPLAY_SOURCE


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
        # Not splitlines, which would cut at U+2028: JSON may hold it within a string.
        lines = raw.decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error
    examples = tuple(
        _example(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()
    )
    if not examples:
        raise DatasetError(f"{path}: no rows")
    _refuse_repeats(examples, path)
    of_task, of_replay = Conformity(contract), Conformity(TextOutput())
    for example in examples:
        check = of_replay if example.is_replay else of_task
        if reason := check.violation(example.output):
            raise DatasetError(f"{path}: row {example.id!r}: output breaks the task's contract: {reason}")
        if reason := check.unreadable(example.rejected_output):
            raise DatasetError(f"{path}: row {example.id!r}: rejected_output: {reason}")
    return Dataset(examples, hashlib.sha256(raw).hexdigest())


def read_manifest(folder: Path) -> DatasetManifest:
    """Read the manifest of a built dataset.

    Raises:
        DatasetError: the folder has none, or it is not valid.
    """
    path = folder / MANIFEST_FILE
    try:
        return DatasetManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{folder}: no built dataset: {error}") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        raise DatasetError(f"{path}: {'.'.join(map(str, wrong['loc'])) or 'file'}: {wrong['msg']}") from error


def read_split(folder: Path, split: str, contract: OutputContract) -> Dataset:
    """Read one split of a built dataset, after all its files have been compared with its manifest.

    Whether the dataset passed its gate is the caller's question (`read_manifest(folder).passed`).

    Raises:
        DatasetError: as `read_dataset`; or a file is not the one that the manifest names.
    """
    if split not in SPLITS:
        raise DatasetError(f"{folder}: no split {split!r}; there are {', '.join(SPLITS)}")
    manifest = read_manifest(folder)
    names = [f"{name}.jsonl" for name in SPLITS]
    try:
        digest = digest_of(folder, names)
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error}") from error
    if digest != manifest.digest:
        raise DatasetError(f"{folder}: its files are not those that {MANIFEST_FILE} names: {digest[:12]}")
    dataset = read_dataset(folder / f"{split}.jsonl", contract)
    recorded = manifest.splits.get(split)
    if recorded is None or (recorded.sha256, recorded.rows) != (dataset.sha256, len(dataset.examples)):
        raise DatasetError(f"{folder}: {split}.jsonl is not the file that {MANIFEST_FILE} describes")
    return dataset


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

    def unreadable(self, value: object) -> str:
        """Why a worse answer cannot be compared with an output at all; empty if it can, or is None."""
        structured = isinstance(self._contract, JsonSchemaOutput | JsonObjectOutput)
        return "" if structured or value is None or isinstance(value, str) else "no text"


def _validator(schema: dict[str, Any] | bool) -> jsonschema_rs.Validator:
    try:
        import jsonschema_rs  # noqa: PLC0415 - an engine's environment may lack it: a sentence, not a traceback
    except ModuleNotFoundError as error:
        raise MissingLibraryError("jsonschema-rs") from error
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def _example(line: str, place: str) -> Example:
    try:
        return Example.model_validate(parse_json(line))
    except ValidationError as error:
        raise DatasetError(f"{place}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from error
    except ValueError as error:
        raise DatasetError(f"{place}: no valid JSON: {error}") from error


def _refuse_repeats(examples: Iterable[Example], path: Path) -> None:
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise DatasetError(f"{path}: id {example.id!r} stands twice")
        seen.add(example.id)
