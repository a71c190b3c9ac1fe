"""Checkpoints: found, owned, and never thrown away unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.task import Task
from training.config import DataFiles, Recipe, load_task
from training.data.examples import Dataset, Example
from training.errors import CheckpointError
from training.recipes.checkpoint import RunFolder, Start, run_folder
from training.recipes.rows import Rows

TASK = load_task(Path(__file__).parents[4] / "examples" / "tasks" / "invoice-extract.yaml")
ROWS = Rows(Dataset((Example(id="a", text="a", output={}),), "0" * 64), None)


def _recipe(base: Path) -> Recipe:
    return Recipe(
        task=Path("task.yaml"),
        base_model=base,
        data=DataFiles(train=Path("rows")),
        out=base.parent / "adapter",
    )


def _opened(path: Path, fingerprint: str = "a" * 64) -> RunFolder:
    folder = RunFolder(path, fingerprint)
    folder.open(None)
    return folder


def _write(folder: RunFolder, step: int, *, whole: bool = True) -> Path:
    checkpoint = folder.path / f"checkpoint-{step}"
    checkpoint.mkdir()
    if whole:
        (checkpoint / "trainer_state.json").write_text("{}")
    return checkpoint


def test_a_run_goes_on_from_the_last_checkpoint_that_is_whole(tmp_path: Path) -> None:
    folder = _opened(tmp_path / "adapter.run")
    _write(folder, 8)
    latest = _write(folder, 20)
    _write(folder, 100, whole=False)
    assert folder.checkpoint(Start.RESUME) == latest
    folder.open(latest)
    assert latest.is_dir()


def test_a_fresh_run_does_not_throw_checkpoints_away(tmp_path: Path) -> None:
    folder = _opened(tmp_path / "adapter.run")
    kept = _write(folder, 8)
    with pytest.raises(
        CheckpointError, match=r"holds checkpoint-8 .* --resume, or throw it away with --restart"
    ):
        folder.checkpoint(Start.FRESH)
    assert kept.is_dir()


def test_a_restart_throws_them_away(tmp_path: Path) -> None:
    folder = _opened(tmp_path / "adapter.run")
    gone = _write(folder, 8)
    folder.open(folder.checkpoint(Start.RESTART))
    assert not gone.exists()
    assert folder.checkpoint(Start.FRESH) is None


def test_nothing_to_resume_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint to resume"):
        RunFolder(tmp_path / "adapter.run", "a" * 64).checkpoint(Start.RESUME)


def test_checkpoints_of_another_run_are_refused(tmp_path: Path) -> None:
    _write(_opened(tmp_path / "adapter.run"), 8)
    with pytest.raises(CheckpointError, match="are of another run"):
        RunFolder(tmp_path / "adapter.run", "b" * 64).checkpoint(Start.RESUME)


def test_checkpoints_without_an_owner_are_refused(tmp_path: Path) -> None:
    folder = _opened(tmp_path / "adapter.run")
    _write(folder, 8)
    (folder.path / "run.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"run\.json: cannot be read"):
        folder.checkpoint(Start.RESUME)


def test_the_fingerprint_is_of_contents_not_of_places(tmp_path: Path, tiny_base: Path) -> None:
    recipe = _recipe(tiny_base)
    moved = recipe.model_copy(update={"task": Path("elsewhere.yaml"), "tensorboard": True})
    first = run_folder(recipe, TASK, ROWS, 1)
    assert first.path == tmp_path / "adapter.run"
    assert run_folder(moved, TASK, ROWS, 1).fingerprint == first.fingerprint


def test_the_fingerprint_changes_with_all_that_the_weights_depend_on(tiny_base: Path) -> None:
    recipe = _recipe(tiny_base)
    schedule = recipe.schedule.model_copy(update={"epochs": 4})
    other_rows = Rows(Dataset(ROWS.train.examples, "1" * 64), None)
    other_task = Task.model_validate(TASK.model_dump(by_alias=True) | {"instructions": "Other."})
    fingerprints = [
        run_folder(recipe, TASK, ROWS, 1).fingerprint,
        run_folder(recipe, TASK, ROWS, 2).fingerprint,
        run_folder(recipe, TASK, other_rows, 1).fingerprint,
        run_folder(recipe, other_task, ROWS, 1).fingerprint,
        run_folder(recipe.model_copy(update={"seed": 1}), TASK, ROWS, 1).fingerprint,
        run_folder(recipe.model_copy(update={"schedule": schedule}), TASK, ROWS, 1).fingerprint,
    ]
    with (tiny_base / "model.safetensors").open("ab") as weights:
        weights.write(b"\0")
    fingerprints.append(run_folder(recipe, TASK, ROWS, 1).fingerprint)
    assert len(set(fingerprints)) == len(fingerprints)
