"""Reading files: every form gives the same rows, a bad row is rejected with its place, a bad file refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.data.pipeline.formats import identify, read_rows
from training.data.pipeline.rows import RawRow, Rejected
from training.data.pipeline.spec import ExampleFile, Format, Limits
from training.errors import DatasetError

LIMITS = Limits(max_row_bytes=1024)
ROW = {"id": "1", "text": "Where is my box?", "output": "shipping"}


def _read(path: Path, limits: Limits = LIMITS, **settings: Any) -> list[RawRow | Rejected]:
    return list(read_rows(ExampleFile(path=path, **settings), limits))


def _records(rows: list[RawRow | Rejected]) -> list[dict[str, Any]]:
    return [row.record for row in rows if isinstance(row, RawRow)]


def _reasons(rows: list[RawRow | Rejected]) -> list[tuple[str, str]]:
    return [(row.reason, row.place) for row in rows if isinstance(row, Rejected)]


def test_json_lines_are_read_past_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [b'{"id": "1"', b'"text"', b'{"a": NaN}', b'{"text": "\xff"}', b"", json.dumps(ROW).encode()]
    path.write_bytes(b"\n".join(lines))
    rows = _read(path)
    assert _records(rows) == [ROW]
    assert _reasons(rows) == [
        ("no_json", "rows.jsonl:1"),
        ("no_object", "rows.jsonl:2"),
        ("no_json", "rows.jsonl:3"),
        ("not_utf8", "rows.jsonl:4"),
    ]


def test_a_line_beyond_the_bound_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**ROW, "text": "x" * 5000}) + "\n" + json.dumps(ROW) + "\n")
    rows = _read(path)
    assert _reasons(rows) == [("row_too_large", "rows.jsonl:1")]
    assert _records(rows) == [ROW]


@pytest.mark.parametrize("bomb", ["[" * 900, '{"a":' * 150 + "1" + "}" * 150, '{"n": ' + "9" * 900 + "}"])
def test_a_line_that_would_cost_too_much_is_rejected(tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(bomb + "\n")
    assert _reasons(_read(path)) == [("no_json", "rows.jsonl:1")]


def test_a_byte_order_mark_does_not_spoil_the_first_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode())
    assert _records(_read(path)) == [ROW]


def test_csv_keeps_quotes_commas_and_line_ends_within_cells(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b'\xef\xbb\xbfid,text,output\r\n1,"He said ""no"", twice\nand left",other\r\n')
    assert _records(_read(path)) == [{"id": "1", "text": 'He said "no", twice\nand left', "output": "other"}]


def test_bad_csv_rows_are_rejected_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    body = b"id,text,output\n1,only two\n2,\xff\xfe,other\n3," + b"x" * 5000 + b",other\n4,fine,other\n"
    path.write_bytes(body)
    rows = _read(path)
    assert _reasons(rows) == [
        ("columns", "rows.csv:2"),
        ("not_utf8", "rows.csv:3"),
        ("row_too_large", "rows.csv:4"),
    ]
    assert _records(rows) == [{"id": "4", "text": "fine", "output": "other"}]


def test_another_delimiter_is_declared_or_follows_from_the_ending(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text;output\nhello;other\n")
    (tmp_path / "b.tsv").write_text("text\toutput\nhello\tother\n")
    wanted = [{"text": "hello", "output": "other"}]
    assert _records(_read(tmp_path / "a.csv", delimiter=";")) == wanted
    assert _records(_read(tmp_path / "b.tsv")) == wanted


def test_parquet_rows_come_as_they_are_typed(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({"id": [1, 2], "text": ["a", None], "output": [{"n": 1}, {"n": 2}]})
    pq.write_table(table, path)
    assert _records(_read(path)) == [
        {"id": 1, "text": "a", "output": {"n": 1}},
        {"id": 2, "output": {"n": 2}},
    ]


def test_a_json_array_is_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([ROW, 3]))
    rows = _read(path)
    assert _records(rows) == [ROW]
    assert _reasons(rows) == [("no_object", "rows.json:2")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("rows.txt", b"x", "the ending says no format"),
        ("rows.csv", b"", "no header"),
        ("rows.csv", b"a,a\n1,2\n", "names 'a' twice"),
        ("rows.parquet", b"PAR1 not really", "no readable Parquet file"),
        ("rows.json", b'"text"', "an array of rows is expected"),
        ("rows.json", b"[1", "no valid JSON"),
    ],
)
def test_a_file_of_no_use_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=reason):
        _read(tmp_path / name)


def test_more_rows_than_the_limit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n{}\n{}\n")
    with pytest.raises(DatasetError, match="more than 2 rows"):
        _read(tmp_path / "rows.jsonl", Limits(max_rows=2))


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in (tmp_path / "pipe.jsonl", tmp_path):
        with pytest.raises(DatasetError, match="no plain file"):
            identify(ExampleFile(path=path), LIMITS)
    with pytest.raises(DatasetError, match="cannot be read"):
        identify(ExampleFile(path=tmp_path / "missing.jsonl"), LIMITS)


def test_a_file_beyond_the_size_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("x" * 5000)
    with pytest.raises(DatasetError, match="larger than 2048"):
        identify(ExampleFile(path=tmp_path / "rows.jsonl"), Limits(max_file_bytes=2048))


def test_the_declared_format_overrides_the_ending(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text(json.dumps(ROW))
    assert _records(_read(tmp_path / "rows.txt", format=Format.JSONL)) == [ROW]
