"""Schemas with instances that are known to be valid or invalid, read from files."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

SUFFIXES = (".json", ".jsonl", ".jsonl.xz")


class RowError(ValueError):
    """A file cannot be read, or a row in it is not one; the text names the place."""


@dataclass(frozen=True, slots=True)
class Row:
    """One schema and its labelled instances."""

    id: str
    schema: Any
    valid: tuple[Any, ...]
    invalid: tuple[Any, ...]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file: one in a `.json` file, one a line in `.jsonl` and `.jsonl.xz`.

    A row is `{"id", "schema", "valid": [...], "invalid": [...]}`, or as MaskBench has it
    `{"schema", "tests": [{"valid": bool, "data": ...}]}`.

    Raises:
        RowError: the file cannot be read, or holds something else.
    """
    name = path.name
    if not name.endswith(SUFFIXES):
        raise RowError(f"{path}: the name ends in none of {', '.join(SUFFIXES)}")
    try:
        if name.endswith(".json"):
            yield _row(path.read_text("utf-8"), str(path), path.stem)
            return
        with lzma.open(path) if name.endswith(".xz") else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _row(line.decode("utf-8"), f"{path}:{number}", f"{path.stem}:{number}")
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError) as error:
        raise RowError(f"{path}: cannot be read: {error}") from error


def files_under(path: Path) -> list[Path]:
    """The files of rows in a folder and the folders below, in order; a file is itself."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.name.endswith(SUFFIXES))


def loads(text: str) -> Any:
    """Decode JSON as RFC 8259 has it, but for repeated keys, of which the last counts.

    Raises:
        ValueError: it is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _row(text: str, place: str, name: str) -> Row:
    try:
        value = loads(text)
    except ValueError as error:
        raise RowError(f"{place}: not valid JSON: {error}") from error
    if not isinstance(value, dict) or "schema" not in value:
        raise RowError(f'{place}: a row is an object with "schema"')
    valid, invalid = _instances(value, place)
    return Row(str(value.get("id", name)), value["schema"], valid, invalid)


def _instances(row: Mapping[str, Any], place: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    if "tests" not in row:
        valid, invalid = row.get("valid", []), row.get("invalid", [])
        if not isinstance(valid, list) or not isinstance(invalid, list):
            raise RowError(f'{place}: "valid" and "invalid" are lists of instances')
        return tuple(valid), tuple(invalid)
    tests = row["tests"]
    if not isinstance(tests, list) or not all(
        isinstance(test, dict) and isinstance(test.get("valid"), bool) and "data" in test for test in tests
    ):
        raise RowError(f'{place}: "tests" is a list of {{"valid": true or false, "data": ...}}')
    valid = tuple(test["data"] for test in tests if test["valid"])
    return valid, tuple(test["data"] for test in tests if not test["valid"])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
