"""The adapter's folder: whole or not at all, and nothing else is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from training.config import DataFiles, Recipe, load_recipe
from training.errors import OutputFolderError
from training.recipes.store import CONFIG_FILE, RECIPE_FILE, check_output, store_recipe, whole_folder


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "adapter"
    with whole_folder(out) as staging:
        (staging / CONFIG_FILE).write_text("new")
        assert not out.exists()
    assert _names(out) == [CONFIG_FILE]
    assert _names(out.parent) == ["adapter"]


def test_what_was_there_is_kept_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    for content in ("first", "second", "third"):
        with whole_folder(out) as staging:
            (staging / CONFIG_FILE).write_text(content)
    assert (out / CONFIG_FILE).read_text() == "third"
    assert (tmp_path / "adapter.previous" / CONFIG_FILE).read_text() == "second"
    assert _names(tmp_path) == ["adapter", "adapter.previous"]


def test_a_failure_half_way_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    out.mkdir()
    (out / CONFIG_FILE).write_text("old")

    def fail_half_way() -> None:
        with whole_folder(out) as staging:
            (staging / CONFIG_FILE).write_text("new")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputFolderError, match="No space left on device"):
        fail_half_way()
    assert (out / CONFIG_FILE).read_text() == "old"
    assert _names(tmp_path) == ["adapter"]


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFolderError, match="cannot be written"), whole_folder(tmp_path / "file" / "a"):
        pass


def test_an_adapters_folder_or_an_empty_one_may_be_replaced(tmp_path: Path) -> None:
    check_output(tmp_path / "none")
    check_output(tmp_path)
    (tmp_path / CONFIG_FILE).write_text("{}")
    (tmp_path / "README.md").write_text("")
    check_output(tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputFolderError, match="no adapter"):
        check_output(tmp_path)
    with pytest.raises(OutputFolderError, match="is no folder"):
        check_output(tmp_path / "thesis.txt")


def test_a_recipe_that_is_no_file_is_written_out(tmp_path: Path) -> None:
    data = DataFiles(train=tmp_path / "rows.jsonl")
    recipe = Recipe(
        task=tmp_path / "t.yaml", base_model=tmp_path / "b", data=data, out=tmp_path / "o", seed=3
    )
    store_recipe(recipe, None, tmp_path)
    assert load_recipe(tmp_path / RECIPE_FILE) == recipe
    assert yaml.safe_load((tmp_path / RECIPE_FILE).read_text("utf-8"))["seed"] == 3
