"""Rows of schemas with labelled instances, in each form in which they are found."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from gateway.intake.rows import Row, RowError, files_under, read_rows

OURS = {"id": "a", "schema": {"type": "integer"}, "valid": [1], "invalid": ["x", None]}
MASKBENCH = {
    "meta": {"source": "somewhere"},
    "schema": {"type": "integer"},
    "tests": [{"valid": True, "data": 1}, {"valid": False, "data": "x"}, {"valid": False, "data": None}],
}


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "ours.jsonl").write_text(json.dumps(OURS) + "\n")
    (tmp_path / "mask.json").write_text(json.dumps(MASKBENCH, indent=1))
    (ours,) = read_rows(tmp_path / "ours.jsonl")
    (mask,) = read_rows(tmp_path / "mask.json")
    assert ours == Row("a", {"type": "integer"}, (1,), ("x", None))
    assert mask == Row("mask", ours.schema, ours.valid, ours.invalid)


def test_a_packed_file_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.xz"
    path.write_bytes(lzma.compress((json.dumps(OURS) + "\n\n" + json.dumps({"schema": False})).encode()))
    assert [row.id for row in read_rows(path)] == ["a", "rows.jsonl:3"]


def test_a_folder_is_searched_in_order(tmp_path: Path) -> None:
    for name in ("b.json", "a.jsonl", "notes.txt", "sub/c.jsonl.xz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in files_under(tmp_path)] == ["a.jsonl", "b.json", "c.jsonl.xz"]
    assert files_under(tmp_path / "b.json") == [tmp_path / "b.json"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", b"{}"),
        ("rows.jsonl.xz", b"not packed"),
        ("rows.jsonl", b"\xff"),
        ("rows.jsonl", b"{"),
        ("rows.jsonl", b"[" * 100_000),
        ("rows.jsonl", b'{"schema": NaN}'),
        ("rows.jsonl", b'{"id": "no schema"}'),
        ("rows.json", b'{"schema": {}, "invalid": {}}'),
        ("rows.json", b'{"schema": {}, "tests": [{"data": 1}]}'),
    ],
)
def test_anything_else_is_refused_with_its_place(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RowError, match=name.replace(".", r"\.")):
        list(read_rows(tmp_path / name))
