"""Whether an adapter fits a base model, decided on names and shapes; and folders that cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from contracts.output import RegexOutput
from contracts.task import Task
from training.errors import MissingLibraryError, OfflineModelError
from training.evaluate.offline import load_offline
from training.evaluate.quantised import load_model, stored_form
from training.evaluate.quantised_adapter import check_adapter

MODULE = "model.layers.0.mlp.down_proj"


class Linear:
    """A layer of six inputs and four outputs."""

    in_features = 6
    out_features = 4


class Model:
    """A model with one linear layer and one that is none."""

    def named_modules(self) -> list[tuple[str, object]]:
        return [(MODULE, Linear()), ("model.norm", object())]


def adapter(folder: Path, module: str = MODULE, inputs: int = 6, outputs: int = 4) -> Path:
    tensors = {
        f"base_model.model.{module}.lora_A.weight": np.zeros((2, inputs), dtype=np.float32),
        f"base_model.model.{module}.lora_B.weight": np.zeros((outputs, 2), dtype=np.float32),
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text("{}", "utf-8")
    return folder


def test_an_adapter_that_fits_passes(tmp_path: Path) -> None:
    check_adapter(Model(), adapter(tmp_path))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"inputs": 8}, "down_proj is 6 wide here, 8 there"),
        ({"outputs": 5}, "down_proj is 4 wide here, 5 there"),
        ({"module": "model.layers.7.mlp.down_proj"}, r"no linear layer model\.layers\.7"),
        ({"module": "model.norm"}, r"no linear layer model\.norm"),
    ],
)
def test_an_adapter_of_another_base_is_refused(tmp_path: Path, made: dict[str, object], words: str) -> None:
    folder = adapter(tmp_path, **made)  # type: ignore[arg-type]
    with pytest.raises(OfflineModelError, match=words):
        check_adapter(Model(), folder)


def test_a_folder_without_weights_is_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(OfflineModelError, match=r"adapter_config\.json is missing"):
        check_adapter(Model(), tmp_path)


def test_weights_that_are_cut_off_are_refused(tmp_path: Path) -> None:
    weights = adapter(tmp_path) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:40])
    with pytest.raises(OfflineModelError, match="no safetensors file"):
        check_adapter(Model(), tmp_path)


def test_tensors_that_are_no_lora_are_refused(tmp_path: Path) -> None:
    save_file({"model.embed_tokens.weight": np.zeros((2, 2))}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text("{}", "utf-8")
    with pytest.raises(OfflineModelError, match=r"embed_tokens\.weight, which is no LoRA matrix"):
        check_adapter(Model(), tmp_path)


def test_a_folder_says_how_it_is_stored(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"quantization_config": {"quant_method": "awq", "bits": 4}}', "utf-8")
    assert stored_form(tmp_path) == "awq"
    config.write_text("{}", "utf-8")
    assert stored_form(tmp_path) == ""


@pytest.mark.parametrize("content", ["no json", "[]", '{"quantization_config": 4}'])
def test_a_configuration_that_cannot_be_read_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content, "utf-8")
    with pytest.raises(OfflineModelError, match=r"config\.json: cannot be read"):
        stored_form(tmp_path)


def test_the_light_environment_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingLibraryError, match="'torch' is not installed here"):
        load_model(tmp_path)


def test_a_contract_that_cannot_be_forced_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    output = RegexOutput(kind="regex", pattern="(")
    task = Task(name="t", description="d", base_model="m", output=output)
    with pytest.raises(OfflineModelError, match="cannot be forced"):
        load_offline(task, tmp_path)


def test_provenance_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("{}", "utf-8")
    task = Task(name="t", description="d", base_model="m")
    with pytest.raises(OfflineModelError, match=r"provenance\.json: cannot be read"):
        load_offline(task, tmp_path, tmp_path)
