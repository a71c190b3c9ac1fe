"""The recipe: what a file may say, and what is refused before anything is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from training.config import Lora, Recipe, load_recipe, load_task
from training.errors import NotServableError, RecipeError, TargetNotFoundError, TruncatedExampleError
from training.recipes.encode import EncodedExample
from training.recipes.preflight import check_lengths, check_recipe, check_servable, linear_modules

RECIPES = Path(__file__).parents[3] / "examples" / "recipes"
MINIMAL = "task: t.yaml\nbase_model: base\ndata: {train: rows.jsonl}\nout: adapter\n"


def _write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, "utf-8")
    return path


def _base_model(folder: Path) -> Path:
    folder.mkdir()
    matrix = np.zeros((4, 4), dtype=np.float32)
    tensors = {
        "model.embed_tokens.weight": matrix,
        "model.layers.0.self_attn.q_proj.weight": matrix,
        "model.layers.0.mlp.down_proj.weight": matrix,
        "model.layers.0.input_layernorm.weight": np.zeros(4, dtype=np.float32),
    }
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_recipe_is_valid_and_servable(path: Path) -> None:
    recipe = load_recipe(path)
    check_servable(recipe.lora)
    assert load_task(recipe.task).name


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    recipe = load_recipe(_write(tmp_path, MINIMAL))
    assert recipe.data.train == tmp_path / "rows.jsonl"
    assert recipe.out == tmp_path / "adapter"
    assert recipe.lora.rslora


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (MINIMAL + "lora: {ranks: 8}\n", "lora.ranks"),
        (MINIMAL + "lora: {rank: 0}\n", "lora.rank"),
        (MINIMAL + "schedule: {learning_rate: fast}\n", "schedule.learning_rate"),
        (MINIMAL + "schedule: {precision: float8}\n", "schedule.precision"),
        (MINIMAL + "method: magic\n", "method"),
        ("task: t.yaml\n", "base_model"),
        ("[1, 2]\n", "file"),
        ("a: [\n", "no valid YAML"),
    ],
)
def test_a_wrong_recipe_names_the_key(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(RecipeError, match=names):
        load_recipe(_write(tmp_path, text))


def test_a_recipe_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("lora", "reason"),
    [
        (Lora(dora=True), "DoRA"),
        (Lora(modules_to_save=("lm_head",)), "lm_head"),
        (Lora(bias="all"), "lora.bias"),
        (Lora(init="pissa"), "'pissa'"),
        (Lora(init="olora"), "'olora'"),
        (Lora(init="corda"), "'corda'"),
        (Lora(init="loftq"), "'loftq'"),
        (Lora(rank=17), "limit of 16"),
    ],
)
def test_what_the_engine_refuses_is_refused_before_training(lora: Lora, reason: str) -> None:
    with pytest.raises(NotServableError, match=reason):
        check_servable(lora)


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(NotServableError) as caught:
        check_servable(Lora(dora=True, bias="all", rank=64))
    assert len(caught.value.reasons) == 3


def test_targets_are_looked_up_in_the_base_model(tmp_path: Path) -> None:
    base = _base_model(tmp_path / "base")
    assert linear_modules(base) == ("down_proj", "q_proj")
    recipe = load_recipe(_write(tmp_path, MINIMAL + "lora: {targets: [q_proj, w_pack]}\n"))
    with pytest.raises(TargetNotFoundError, match="w_pack"):
        check_recipe(recipe)


def test_a_servable_recipe_passes(tmp_path: Path) -> None:
    _base_model(tmp_path / "base")
    recipe: Recipe = load_recipe(_write(tmp_path, MINIMAL + "lora: {targets: [q_proj, down_proj]}\n"))
    check_recipe(recipe)


def test_a_folder_without_weights_is_no_base_model(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no safetensors"):
        linear_modules(tmp_path)


def test_broken_weights_are_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(RecipeError, match="cannot be read"):
        linear_modules(tmp_path)


def test_an_example_that_would_be_cut_is_refused() -> None:
    fits = EncodedExample("short", (1, 2, 3), (-100, 2, 3))
    too_long = EncodedExample("long", tuple(range(9)), (-100,) * 5 + (5, 6, 7, 8))
    check_lengths([fits], 3)
    with pytest.raises(TruncatedExampleError, match="'long' has 9 tokens"):
        check_lengths([fits, too_long], 8)
