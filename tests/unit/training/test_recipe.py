"""The recipe: what a file may say, and what is refused before anything is trained."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from contracts.artifact import digest_of
from training.config import (
    DataFiles,
    Distillation,
    Lora,
    Method,
    Overlong,
    Preference,
    Recipe,
    Schedule,
    Stopping,
    load_recipe,
    load_task,
)
from training.errors import NotServableError, RecipeError, TargetNotFoundError, TruncatedExampleError
from training.recipes.encode import EncodedExample
from training.recipes.preflight import check_recipe, check_servable, fitting, linear_modules, weight_files

RECIPES = Path(__file__).parents[3] / "examples" / "recipes"
FITS = EncodedExample("short", (1, 2, 3), (-100, 2, 3))
TOO_LONG = EncodedExample("long", tuple(range(9)), (-100,) * 5 + (5, 6, 7, 8))
MINIMAL = "task: t.yaml\nbase_model: base\ndata: {train: rows.jsonl}\nout: adapter\n"


def _write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, "utf-8")
    return path


def _base_model(folder: Path, **config: object) -> Path:
    folder.mkdir()
    matrix = np.zeros((4, 4), dtype=np.float32)
    tensors = {
        "model.embed_tokens.weight": matrix,
        "model.layers.0.self_attn.q_proj.weight": matrix,
        "model.layers.0.mlp.down_proj.weight": matrix,
        "model.layers.0.input_layernorm.weight": np.zeros(4, dtype=np.float32),
    }
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 2048, **config}), "utf-8")
    return folder


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_recipe_is_valid_and_servable(path: Path) -> None:
    recipe = load_recipe(path)
    check_servable(recipe.lora)
    assert load_task(recipe.task).name


def test_the_reference_recipe_has_every_key_and_its_defaults() -> None:
    text = (RECIPES / "reference.yaml").read_text("utf-8")
    models = (Recipe, DataFiles, Lora, Schedule, Stopping, Preference, Distillation)
    keys = {name for model in models for name in model.model_fields}
    assert keys == set(re.findall(r"^[ #]*([a-z_0-9]+):(?: |$)", text, re.MULTILINE))
    written = load_recipe(RECIPES / "reference.yaml")
    needed = {name: getattr(written, name) for name in ("task", "base_model", "data", "out")}
    assert written == Recipe(**needed)


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
        (MINIMAL + "schema_version: 3\n", "schema_version"),
        (MINIMAL + "lora: {alpha: .inf}\n", "lora.alpha"),
        (MINIMAL + "preference: {beta: 0.2}\n", "belongs to the method dpo"),
        (MINIMAL + "distillation: {temperature: 2}\n", "belongs to the method distillation"),
        (MINIMAL + "method: dpo\nschedule: {packing: true}\n", "not packed"),
        (MINIMAL + "stopping: {patience: 2}\n", "data.validation is missing"),
        (MINIMAL + "schedule: {scheduler: wsd, warmup_ratio: 0.6, decay_ratio: 0.6}\n", "decay_ratio"),
        (MINIMAL.replace("train: rows.jsonl", "train: a, dataset: b"), "either a built dataset"),
        (MINIMAL.replace("train: rows.jsonl", "overlong: drop"), "either a built dataset"),
        (MINIMAL.replace("train: rows.jsonl", "dataset: b, validation: c"), "its own validation split"),
        (MINIMAL.replace("rows.jsonl", f"rows.jsonl, dataset_sha256: {'a' * 64}"), "there is none"),
        ("task: t.yaml\n", "base_model"),
        ("[1, 2]\n", "valid dictionary"),
        ("a: [\n", "no valid YAML"),
    ],
)
def test_a_wrong_recipe_names_the_key(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(RecipeError, match=names):
        load_recipe(_write(tmp_path, text))


def test_a_recipe_of_the_first_version_means_the_same(tmp_path: Path) -> None:
    old = load_recipe(_write(tmp_path, MINIMAL + "schema_version: 1\nmethod: sft-lora\n"))
    assert old.method is Method.SFT
    assert old.model_copy(update={"schema_version": 2}) == load_recipe(_write(tmp_path, MINIMAL))


def test_a_dataset_and_a_teacher_are_relative_to_the_recipe_too(tmp_path: Path) -> None:
    text = MINIMAL.replace("train: rows.jsonl", "dataset: sets/a@0123456789ab")
    recipe = load_recipe(_write(tmp_path, text + "method: distillation\ndistillation: {teacher: big}\n"))
    assert recipe.data.dataset == tmp_path / "sets" / "a@0123456789ab"
    assert recipe.distillation is not None
    assert recipe.distillation.teacher == tmp_path / "big"


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
        (Lora(init="eva"), "'eva'"),
        (Lora(lora_bias=True), "LoRA bias"),
        (Lora(layer_replication=((0, 2), (1, 3))), "replication"),
        (Lora(trainable_token_indices=(5,)), "token embeddings"),
        (Lora(alora_invocation_tokens=(7,)), "activated"),
        (Lora(bdlora=True), "block-diagonal"),
        (Lora(qalora=True), "QALoRA"),
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


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised already"),
        ({"max_position_embeddings": 512}, "reads 512 tokens, fewer than schedule.max_tokens, 1024"),
    ],
)
def test_a_base_model_that_cannot_be_trained_so_is_refused(
    tmp_path: Path, config: dict[str, object], reason: str
) -> None:
    _base_model(tmp_path / "base", **config)
    with pytest.raises(RecipeError, match=reason):
        check_recipe(load_recipe(_write(tmp_path, MINIMAL + "lora: {targets: [q_proj]}\n")))


def test_a_pinned_base_model_is_compared_by_content(tmp_path: Path) -> None:
    base = _base_model(tmp_path / "base")
    digest = digest_of(base, [file.name for file in weight_files(base)])
    text = MINIMAL + "lora: {targets: [q_proj]}\nbase_model_sha256: "
    check_recipe(load_recipe(_write(tmp_path, f"{text}{digest}\n")))
    with pytest.raises(RecipeError, match=f"base_model_sha256 is another: these are {digest}"):
        check_recipe(load_recipe(_write(tmp_path, f"{text}{'a' * 64}\n")))


def test_a_folder_without_weights_is_no_base_model(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no safetensors"):
        linear_modules(tmp_path)


def test_broken_weights_are_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(RecipeError, match="cannot be read"):
        linear_modules(tmp_path)


def test_an_example_that_would_be_cut_is_refused() -> None:
    assert fitting([FITS], 3) == ([FITS], [])
    with pytest.raises(TruncatedExampleError, match="'long' has 9 tokens"):
        fitting([FITS, TOO_LONG], 8)


def test_a_recipe_may_drop_what_does_not_fit() -> None:
    assert fitting([FITS, TOO_LONG], 8, Overlong.DROP) == ([FITS], ["long"])


def test_a_recipe_that_would_drop_everything_is_refused() -> None:
    with pytest.raises(TruncatedExampleError, match="'long' has 9 tokens"):
        fitting([TOO_LONG], 8, Overlong.DROP)


def test_many_long_examples_are_counted_and_a_few_named() -> None:
    many = [EncodedExample(f"row-{number}", tuple(range(9)), (-100,) * 9) for number in range(12)]
    with pytest.raises(TruncatedExampleError, match="'row-4' has 9 tokens and 7 more"):
        fitting(many, 8)
