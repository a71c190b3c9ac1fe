"""The recipe that is kept says what ran."""

from __future__ import annotations

from pathlib import Path

import yaml

from training.config import load_recipe
from training.recipes.store import RECIPE_FILE, store_recipe

TEXT = """# Why it is so.
task: task.yaml
base_model: base
data: {train: rows.jsonl}
schedule: {epochs: 2}
out: adapter
"""


def test_a_recipe_that_ran_as_written_is_kept_byte_for_byte(tmp_path: Path) -> None:
    source = tmp_path / "mine.yaml"
    source.write_text(TEXT)
    store_recipe(load_recipe(source), source, tmp_path)
    assert (tmp_path / RECIPE_FILE).read_text() == TEXT


def test_a_bound_from_the_command_line_stands_in_the_kept_recipe(tmp_path: Path) -> None:
    source = tmp_path / "mine.yaml"
    source.write_text(TEXT)
    recipe = load_recipe(source)
    bound = recipe.model_copy(update={"schedule": recipe.schedule.model_copy(update={"max_steps": 3})})
    store_recipe(bound, source, tmp_path)
    kept = yaml.safe_load((tmp_path / RECIPE_FILE).read_text())
    assert kept == {**yaml.safe_load(TEXT), "schedule": {"epochs": 2, "max_steps": 3}}
