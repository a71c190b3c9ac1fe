"""Reading data files: every row keeps the task's contract, or the file is refused with the row's place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from contracts.artifact import digest_of
from contracts.dataset import MANIFEST_FILE, SPLITS
from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput, TextOutput
from training.data.examples import Conformity, read_dataset, read_manifest, read_split
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
        (('{"id": "1", "text": "x", "output": {"a": NaN}}',), "rows.jsonl:1: no valid JSON: NaN"),
        (("[" * 100_000,), "rows.jsonl:1: no valid JSON: nested deeper"),
        (('{"id": "1", "id": "2", "text": "x", "output": {"a": 1}}',), "the same key twice"),
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


def test_a_line_separator_within_a_string_ends_no_row(tmp_path: Path) -> None:
    path = _file(tmp_path, '{"id": "1", "text": "one\u2028two", "output": {"a": 1}}')
    assert read_dataset(path, CONTRACT).examples[0].text == "one\u2028two"


def test_the_worse_answer_of_a_pair_may_break_the_contract(tmp_path: Path) -> None:
    path = _file(tmp_path, {**ROW, "rejected_output": {"b": 1}, "source": "support"})
    example = read_dataset(path, CONTRACT).examples[0]
    assert (example.rejected_output, example.source) == ({"b": 1}, "support")


def test_the_worse_answer_of_a_text_task_is_text(tmp_path: Path) -> None:
    path = _file(tmp_path, {"id": "1", "text": "x", "output": "good", "rejected_output": ["bad"]})
    with pytest.raises(DatasetError, match="row '1': rejected_output: no text"):
        read_dataset(path, TextOutput())


def test_a_general_example_is_text_whatever_the_task_promises(tmp_path: Path) -> None:
    path = _file(tmp_path, ROW, {"id": "2", "text": "Say hello.", "output": "Hello.", "source": "replay"})
    assert [example.is_replay for example in read_dataset(path, CONTRACT).examples] == [False, True]


def _built(folder: Path) -> Path:
    files = {}
    for name in SPLITS:
        (folder / f"{name}.jsonl").write_text(json.dumps({**ROW, "id": name}) + "\n", "utf-8")
        raw = (folder / f"{name}.jsonl").read_bytes()
        files[name] = {"sha256": hashlib.sha256(raw).hexdigest(), "rows": 1}
    manifest = {
        "name": "made-up",
        "digest": digest_of(folder, [f"{name}.jsonl" for name in SPLITS]),
        "task": "made-up",
        "task_version": "0" * 12,
        "output_hash": "0" * 12,
        "created_at": "2026-01-01T00:00:00Z",
        "sources": [],
        "splits": files,
        "passed": True,
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest), "utf-8")
    return folder


def test_a_split_of_a_built_dataset_is_read_against_its_manifest(tmp_path: Path) -> None:
    folder = _built(tmp_path)
    dataset = read_split(folder, "validation", CONTRACT)
    assert [example.id for example in dataset.examples] == ["validation"]
    assert read_manifest(folder).splits["validation"].sha256 == dataset.sha256


@pytest.mark.parametrize("changed", SPLITS)
def test_a_built_dataset_with_any_file_changed_is_refused(tmp_path: Path, changed: str) -> None:
    folder = _built(tmp_path)
    with (folder / f"{changed}.jsonl").open("a") as file:
        file.write(" ")
    with pytest.raises(DatasetError, match=r"not those that dataset\.json names"):
        read_split(folder, "train", CONTRACT)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / MANIFEST_FILE).unlink(), "no built dataset"),
        (lambda folder: (folder / MANIFEST_FILE).write_text("{"), "dataset.json: file: "),
        (lambda folder: (folder / "test.jsonl").unlink(), "cannot be read"),
    ],
)
def test_a_folder_that_is_no_built_dataset_is_refused(tmp_path: Path, spoil: Any, reason: str) -> None:
    spoil(_built(tmp_path))
    with pytest.raises(DatasetError, match=reason):
        read_split(tmp_path, "train", CONTRACT)


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no split .*; there are train, validation, test"):
        read_split(_built(tmp_path), "../secret", CONTRACT)
