"""An adapter's folder is read by its headers; what is none, or fits another base model, is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from contracts.artifact import ADAPTER_FILES, digest_of
from tests.unit.training.package.conftest import Bench, write_adapter
from training.errors import PackageError
from training.package.adapter import check_fits, read_adapter


def test_shape_and_scale_are_read_from_the_folder(bench: Bench) -> None:
    adapter = read_adapter(bench.adapter)
    assert adapter.digest == digest_of(bench.adapter, ADAPTER_FILES)
    assert adapter.modules == {
        "model.layers.0.mlp.down_proj": (8, 16),
        "model.layers.0.self_attn.q_proj": (8, 8),
    }
    assert adapter.scaling == pytest.approx(4 / 2**0.5)
    assert adapter.base_name == "tiny-base"


def test_a_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no adapter here"):
        read_adapter(tmp_path)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("{", "no valid JSON"),
        ("[]", "not the configuration of a LoRA"),
        ('{"peft_type": "IA3"}', "not the configuration of a LoRA"),
        ('{"peft_type": "LORA", "r": "many"}', "is no number"),
        ('{"peft_type": "LORA", "r": 2, "use_dora": true}', "DoRA"),
    ],
)
def test_a_configuration_of_something_else_is_refused(bench: Bench, config: str, reason: str) -> None:
    (bench.adapter / "adapter_config.json").write_text(config)
    with pytest.raises(PackageError, match=reason):
        read_adapter(bench.adapter)


def test_a_pickle_in_place_of_safetensors_is_not_loaded(bench: Bench) -> None:
    (bench.adapter / "adapter_model.safetensors").write_bytes(pickle.dumps({"weights": [1.0]}))
    with pytest.raises(PackageError, match="no readable safetensors file"):
        read_adapter(bench.adapter)


def test_a_tensor_that_is_no_factor_is_named(bench: Bench) -> None:
    weights = bench.adapter / "adapter_model.safetensors"
    save_file({**load_file(weights), "base_model.model.lm_head.weight": np.zeros((2, 2))}, weights)
    with pytest.raises(PackageError, match=r"lm_head\.weight"):
        read_adapter(bench.adapter)


def test_factors_of_two_ranks_are_refused(bench: Bench) -> None:
    weights = bench.adapter / "adapter_model.safetensors"
    tensors = load_file(weights)
    tensors["base_model.model.model.layers.0.mlp.down_proj.lora_A.weight"] = np.zeros((3, 16), np.float32)
    save_file(tensors, weights)
    with pytest.raises(PackageError, match="do not fit each other"):
        read_adapter(bench.adapter)


def test_a_base_model_of_another_shape_is_refused(bench: Bench) -> None:
    check_fits(read_adapter(bench.adapter), bench.base)
    weights = bench.base / "model.safetensors"
    save_file({**load_file(weights), "model.layers.0.mlp.down_proj.weight": np.zeros((4, 4))}, weights)
    with pytest.raises(PackageError, match="trained on another base model"):
        check_fits(read_adapter(bench.adapter), bench.base)


def test_a_plain_lora_scales_by_its_rank(tmp_path: Path) -> None:
    write_adapter(tmp_path / "plain", use_rslora=False, rank_pattern={"q_proj": 4})
    adapter = read_adapter(tmp_path / "plain")
    assert (adapter.scaling, adapter.has_patterns) == (2.0, True)
    assert json.loads((tmp_path / "plain" / "adapter_config.json").read_text())["r"] == 2
