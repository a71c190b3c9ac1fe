"""The rows of a run: what a built dataset must be, and what each method needs of a row."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.artifact import digest_of
from contracts.dataset import MANIFEST_FILE, SPLITS, DatasetManifest, SplitFile
from tests.unit.training.test_encode import CharacterTokenizer
from training.config import DataFiles, Method, Overlong, Recipe, load_task
from training.errors import DatasetError, DatasetRefusedError, TruncatedExampleError
from training.recipes.rows import encode_rows, read_rows

TASK = load_task(Path(__file__).parents[4] / "examples" / "tasks" / "invoice-extract.yaml")
OUTPUT = {"invoice_id": "A-1", "date": None, "vendor": "Vela", "total_amount": 12.5}


def _row(name: str, **more: Any) -> str:
    return json.dumps({"id": name, "text": f"invoice {name}", "output": OUTPUT, **more}) + "\n"


def _built(folder: Path, **changed: Any) -> Path:
    folder.mkdir()
    rows = {"train": _row("a") + _row("b"), "validation": _row("c"), "test": _row("d")}
    for name, text in rows.items():
        (folder / f"{name}.jsonl").write_text(text, "utf-8")
    splits = {
        name: SplitFile(sha256=hashlib.sha256(text.encode()).hexdigest(), rows=text.count("\n"))
        for name, text in rows.items()
    }
    values: dict[str, Any] = {
        "name": "invoices",
        "digest": digest_of(folder, [f"{name}.jsonl" for name in SPLITS]),
        "task": TASK.name,
        "task_version": TASK.version,
        "output_hash": TASK.output_hash,
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        "sources": (),
        "splits": splits,
        "passed": True,
    }
    manifest = DatasetManifest(**(values | changed))
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(), "utf-8")
    return folder


def _recipe(data: DataFiles, **more: Any) -> Recipe:
    paths = {"task": Path("task.yaml"), "base_model": Path("base"), "out": Path("adapter")}
    return Recipe.model_validate({**paths, "data": data, **more})


def _file(folder: Path, text: str) -> DataFiles:
    path = folder / "rows.jsonl"
    path.write_text(text, "utf-8")
    return DataFiles(train=path)


def test_a_built_dataset_gives_its_splits_and_its_name(tmp_path: Path) -> None:
    folder = _built(tmp_path / "set")
    rows = read_rows(_recipe(DataFiles(dataset=folder)), TASK)
    assert [one.id for one in rows.train.examples] == ["a", "b"]
    assert rows.validation is not None
    assert [one.id for one in rows.validation.examples] == ["c"]
    assert rows.name == f"invoices@{rows.digest[:12]}"


def test_a_pinned_dataset_is_compared(tmp_path: Path) -> None:
    folder = _built(tmp_path / "set")
    digest = digest_of(folder, [f"{name}.jsonl" for name in SPLITS])
    assert read_rows(_recipe(DataFiles(dataset=folder, dataset_sha256=digest)), TASK).digest == digest
    with pytest.raises(DatasetRefusedError, match="pins dataset_sha256 aaaaaaaaaaaa"):
        read_rows(_recipe(DataFiles(dataset=folder, dataset_sha256="a" * 64)), TASK)


def test_every_reason_against_a_dataset_is_told_at_once(tmp_path: Path) -> None:
    folder = _built(
        tmp_path / "set", passed=False, problems=("2 rows leak",), task="other", output_hash="0" * 12
    )
    with pytest.raises(DatasetRefusedError) as caught:
        read_rows(_recipe(DataFiles(dataset=folder, dataset_sha256="b" * 64)), TASK)
    told = "; ".join(caught.value.reasons)
    assert len(caught.value.reasons) == 4
    for part in ("failed its gate: 2 rows leak", "task 'other'", "contract 000000000000", "bbbbbbbbbbbb"):
        assert part in told


def test_a_dataset_whose_files_were_changed_is_refused(tmp_path: Path) -> None:
    folder = _built(tmp_path / "set")
    (folder / "train.jsonl").write_text(_row("a"), "utf-8")
    with pytest.raises(DatasetError, match="its files are not those"):
        read_rows(_recipe(DataFiles(dataset=folder)), TASK)


def test_dpo_needs_rejected_outputs(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no row has a 'rejected_output'"):
        read_rows(_recipe(_file(tmp_path, _row("a")), method=Method.DPO), TASK)


def test_distillation_without_a_teacher_model_needs_its_name_in_each_row(tmp_path: Path) -> None:
    data = _file(tmp_path, _row("a", source="large-v2") + _row("b"))
    with pytest.raises(DatasetError, match="1 rows, 'b' first, name no teacher"):
        read_rows(_recipe(data, method=Method.DISTILLATION), TASK)
    local = {"teacher": "big"}
    rows = read_rows(_recipe(data, method=Method.DISTILLATION, distillation=local), TASK)
    assert rows.sources == {"large-v2": 1}


def test_stopping_needs_validation_rows(tmp_path: Path) -> None:
    folder = _built(tmp_path / "set", splits={"train": SplitFile(sha256="0" * 64, rows=2)})
    (folder / "train.jsonl").write_text(_row("a") + _row("b"), "utf-8")
    digest = hashlib.sha256((folder / "train.jsonl").read_bytes()).hexdigest()
    manifest = DatasetManifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
    splits = {"train": SplitFile(sha256=digest, rows=2)}
    (folder / MANIFEST_FILE).write_text(
        manifest.model_copy(update={"splits": splits}).model_dump_json(), "utf-8"
    )
    with pytest.raises(DatasetError, match="no validation rows"):
        read_rows(_recipe(DataFiles(dataset=folder), stopping={"patience": 2}), TASK)


def test_what_does_not_fit_is_dropped_only_where_the_recipe_says_so(tmp_path: Path) -> None:
    data = _file(tmp_path, _row("short") + _row("long", text="x" * 400))
    schedule = {"max_tokens": 600}
    refusing = _recipe(data, schedule=schedule)
    rows = read_rows(refusing, TASK)
    with pytest.raises(TruncatedExampleError, match="'long' has"):
        encode_rows(refusing, TASK, rows, CharacterTokenizer())
    dropping = refusing.model_copy(update={"data": data.model_copy(update={"overlong": Overlong.DROP})})
    encoded = encode_rows(dropping, TASK, rows, CharacterTokenizer())
    assert [one.id for one in encoded.train] == ["short"]
    assert encoded.dropped == ("long",)


def test_pairs_are_the_rows_whose_answers_differ(tmp_path: Path) -> None:
    other = {**OUTPUT, "vendor": "Nobody"}
    text = _row("pair", rejected_output=other) + _row("alone") + _row("same", rejected_output=OUTPUT)
    recipe = _recipe(_file(tmp_path, text), method=Method.DPO)
    encoded = encode_rows(recipe, TASK, read_rows(recipe, TASK), CharacterTokenizer())
    assert [pair.id for pair in encoded.train_pairs] == ["pair"]
    assert not encoded.train


def test_pairs_that_never_differ_teach_nothing(tmp_path: Path) -> None:
    recipe = _recipe(_file(tmp_path, _row("same", rejected_output=OUTPUT)), method=Method.DPO)
    with pytest.raises(DatasetError, match="in no row the rejected output differs"):
        encode_rows(recipe, TASK, read_rows(recipe, TASK), CharacterTokenizer())
