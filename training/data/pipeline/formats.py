"""Which reader reads a file, and the identity of the file that was read."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from contracts.artifact import pieces_of
from training.data.pipeline.lines import read_json_array, read_json_lines
from training.data.pipeline.rows import RawRow, Rejected
from training.data.pipeline.spec import ExampleFile, Format, Limits
from training.data.pipeline.tables import read_csv, read_parquet
from training.errors import DatasetError

_BY_ENDING = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".parquet": Format.PARQUET,
    ".json": Format.ALPACA,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file was as it was read: its hash, and its form as it was understood."""

    sha256: str
    format: Format


def read_rows(file: ExampleFile, limits: Limits) -> Iterator[RawRow | Rejected]:
    """The rows of a file, one at a time.

    Raises:
        DatasetError: the file cannot be read, is of no known format, or is beyond a limit.
    """
    count = 0
    try:
        for row in _reader(file, limits):
            count += 1
            if count > limits.max_rows:
                raise DatasetError(f"{file.path}: more than {limits.max_rows} rows (limits.max_rows)")
            yield row
    except OSError as error:
        raise DatasetError(f"{file.path}: cannot be read: {error}") from error


def identify(file: ExampleFile, limits: Limits) -> Identity:
    """Hash a file.

    Raises:
        DatasetError: it is no plain file, cannot be read, or is beyond the limit.
    """
    try:
        status = file.path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DatasetError(f"{file.path}: no plain file")
        if status.st_size > limits.max_file_bytes:
            raise DatasetError(f"{file.path}: larger than {limits.max_file_bytes} (limits.max_file_bytes)")
        digest = hashlib.sha256()
        with file.path.open("rb") as content:
            for piece in pieces_of(content):
                digest.update(piece)
    except OSError as error:
        raise DatasetError(f"{file.path}: cannot be read: {error}") from error
    return Identity(digest.hexdigest(), format_of(file))


def format_of(file: ExampleFile) -> Format:
    """The declared format, or the one of the name's ending.

    Raises:
        DatasetError: the ending says nothing.
    """
    if file.format is not Format.AUTO:
        return file.format
    known = _BY_ENDING.get(file.path.suffix.lower())
    if known is None:
        raise DatasetError(
            f"{file.path}: the ending says no format; give `format`, one of "
            f"{', '.join(one.value for one in Format if one is not Format.AUTO)}"
        )
    return known


def _reader(file: ExampleFile, limits: Limits) -> Iterator[RawRow | Rejected]:
    match format_of(file):
        case Format.CSV:
            return read_csv(file.path, file.delimiter, limits.max_row_bytes)
        case Format.PARQUET:
            return read_parquet(file.path, limits.max_file_bytes)
        case Format.ALPACA:
            return read_json_array(file.path, limits.max_row_bytes)
        case _:
            return read_json_lines(file.path, limits.max_row_bytes)
