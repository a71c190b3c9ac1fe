"""Rows from tables: CSV and Parquet; reads are bounded and a bad row is rejected."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

from training.data.pipeline.rows import RawRow, Rejected
from training.errors import DatasetError, MissingLibraryError

_BATCH_ROWS: Final = 512
_TOO_LARGE: Final = "\udc00"
"""Stands for a line beyond the bound. A lone surrogate, which no decoded file holds."""


def read_csv(path: Path, delimiter: str | None, max_row_bytes: int) -> Iterator[RawRow | Rejected]:
    """Rows of a CSV file with a header; the place is the number of the row's last line.

    Raises:
        DatasetError: there is no header, or it names a column twice.
        OSError: the file cannot be read.
    """
    separator = delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(_bounded(file, max_row_bytes), delimiter=separator)
        header = _header(reader, path)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Rejected("no_csv", str(error), f"{path.name}:{reader.line_num}")
                continue
            if cells:
                yield _record(header, cells, f"{path.name}:{reader.line_num}")


def _header(reader: Iterator[list[str]], path: Path) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except (StopIteration, csv.Error) as error:
        raise DatasetError(f"{path}: no header: {error}") from error
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DatasetError(f"{path}: the header names {repeated[0]!r} twice")
    return header


def _bounded(file: TextIO, max_row_bytes: int) -> Iterator[str]:
    while line := file.readline(max_row_bytes):
        if line.endswith("\n") or len(line) < max_row_bytes:
            yield line
            continue
        while (rest := file.readline(max_row_bytes)) and not rest.endswith("\n"):
            pass
        yield f"{_TOO_LARGE}\n"


def _record(header: list[str], cells: list[str], place: str) -> RawRow | Rejected:
    if any(_TOO_LARGE in cell for cell in cells):
        return Rejected("row_too_large", "a line is longer than the bound", place)
    if len(cells) != len(header):
        return Rejected("columns", f"{len(cells)} cells, and the header has {len(header)}", place)
    try:
        "".join(cells).encode("utf-8")
    except UnicodeEncodeError:
        return Rejected("not_utf8", "the row is no UTF-8", place)
    return RawRow({name: cell for name, cell in zip(header, cells, strict=True) if cell}, place)


def read_parquet(path: Path, max_file_bytes: int) -> Iterator[RawRow | Rejected]:
    """Rows of a Parquet file, a batch at a time; `max_file_bytes` bounds what it unpacks to as well.

    Raises:
        DatasetError: it is no Parquet file, or unpacks to too much.
        OSError: the file cannot be read.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - of the data libraries
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingLibraryError("pyarrow") from error
    try:
        with pq.ParquetFile(path) as file:
            groups = range(file.metadata.num_row_groups)
            unpacked = sum(file.metadata.row_group(index).total_byte_size for index in groups)
            if unpacked > max_file_bytes:
                raise DatasetError(f"{path}: unpacks to {unpacked} bytes; the limit is {max_file_bytes}")
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for record in batch.to_pylist():
                    number += 1
                    kept = {name: value for name, value in record.items() if value is not None}
                    yield RawRow(kept, f"{path.name}:{number}")
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: no readable Parquet file: {error}") from error
