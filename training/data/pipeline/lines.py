"""Rows from JSON: one object a line, or one array of objects; reads are bounded and a bad row is rejected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from training.data.pipeline.rows import RawRow, Rejected
from training.data.strict_json import parse_json
from training.errors import DatasetError

EXCERPT_CHARACTERS: Final = 200
_MAX_ARRAY_BYTES: Final = 512 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"


def read_json_lines(path: Path, max_row_bytes: int) -> Iterator[RawRow | Rejected]:
    """Rows of a JSON lines file; a line beyond the bound is passed over without being held in memory.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(max_row_bytes + 1):
            number += 1
            place = f"{path.name}:{number}"
            if len(line) > max_row_bytes and not line.endswith(b"\n"):
                _skip_line(file, max_row_bytes)
                yield Rejected("row_too_large", f"the line is longer than {max_row_bytes} bytes", place)
                continue
            line = (line.removeprefix(_BOM) if number == 1 else line).strip()
            if line:
                yield _row(line, place)


def read_json_array(path: Path, max_row_bytes: int) -> Iterator[RawRow | Rejected]:
    """Rows of a file that is one JSON array, or JSON lines where it starts like them.

    Raises:
        DatasetError: it is too large to be read whole, no JSON, or no array.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(_BOM).lstrip()
    if start.startswith(b"{"):
        yield from read_json_lines(path, max_row_bytes)
        return
    if path.stat().st_size > _MAX_ARRAY_BYTES:
        raise DatasetError(f"{path}: a JSON array is read whole, so it may have {_MAX_ARRAY_BYTES} bytes")
    try:
        rows = parse_json(path.read_bytes().removeprefix(_BOM).decode("utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path}: no valid JSON: {error}") from error
    if not isinstance(rows, list):
        raise DatasetError(f"{path}: an array of rows is expected")
    for number, record in enumerate(rows, 1):
        place = f"{path.name}:{number}"
        yield RawRow(record, place) if isinstance(record, dict) else _no_object(record, place)


def _row(line: bytes, place: str) -> RawRow | Rejected:
    try:
        record = parse_json(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Rejected("not_utf8", f"no UTF-8 at byte {error.start} of the line", place)
    except ValueError as error:
        excerpt = line[:EXCERPT_CHARACTERS].decode("utf-8", "replace")
        return Rejected("no_json", f"no valid JSON: {error}", place, content={"excerpt": excerpt})
    return RawRow(record, place) if isinstance(record, dict) else _no_object(record, place)


def _no_object(record: object, place: str) -> Rejected:
    return Rejected(
        "no_object", "a row is an object", place, content={"excerpt": str(record)[:EXCERPT_CHARACTERS]}
    )


def _skip_line(file: BinaryIO, max_row_bytes: int) -> None:
    while (rest := file.readline(max_row_bytes)) and not rest.endswith(b"\n"):
        pass
