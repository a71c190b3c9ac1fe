"""Reading data files: every row keeps the task's contract, or the file is refused with the row's place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput, TextOutput
from training.data.examples import Conformity, read_dataset
from training.errors import DatasetError

CONTRACT = JsonSchemaOutput(kind="json_schema", schema={"type": "object", "required": ["a"]})
ROW = {"id": "1", "text": "x", "output": {"a": 1}}


def _file(folder: Path, *lines: object) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), "utf-8")
    return path


def test_rows_are_read_and_the_bytes_hashed(tmp_path: Path) -> None:
    path = _file(tmp_path, ROW, "", {**ROW, "id": "2", "group": "g", "slice": "s"})
    dataset = read_dataset(path, CONTRACT)
    assert [example.id for example in dataset.examples] == ["1", "2"]
    assert dataset.examples[1].slice == "s"
    assert len(dataset.sha256) == 64


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((), "no rows"),
        (("{",), "rows.jsonl:1: no valid JSON"),
        ((ROW, {"id": "2", "text": "x"}), "rows.jsonl:2.*output"),
        (({**ROW, "label": 1},), "label"),
        ((ROW, ROW), "'1' stands twice"),
        (({**ROW, "output": {}},), "row '1': output breaks the task's contract"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(
    tmp_path: Path, lines: tuple[object, ...], reason: str
) -> None:
    with pytest.raises(DatasetError, match=reason):
        read_dataset(_file(tmp_path, *lines), CONTRACT)


def test_a_file_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_dataset(path, CONTRACT)


def test_contracts_of_other_kinds_are_kept_too() -> None:
    assert Conformity(JsonObjectOutput(kind="json_object")).violation([]) == "no JSON object"
    assert (
        Conformity(ChoiceOutput(kind="choice", choices=("a",))).violation("b") == "'b' is none of the choices"
    )
    assert Conformity(TextOutput()).violation(1) == "no text"
    assert Conformity(TextOutput()).violation("any") == ""
