"""Judging what other trainers write: accepted where engines serve it, refused with the way out where not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.bases import BaseModel
from gateway.adapters.inspect import inspect_adapter
from gateway.errors import AdapterRefusedError
from tests.support.foreign_adapters import FOREIGN, SHAPES
from tests.support.peft_folder import lora_tensors, safetensors_bytes, write_peft_folder

SERVED = BaseModel("smollm2-135m", frozenset({"smollm2-135m", "SmolLM2-135M-Instruct"}))
SERVED_AND_READ = BaseModel(SERVED.name, SERVED.names, SHAPES)


@pytest.mark.parametrize("base", [SERVED, SERVED_AND_READ], ids=["by name", "by shapes"])
@pytest.mark.parametrize("trainer", sorted(FOREIGN))
def test_each_is_accepted(tmp_path: Path, trainer: str, base: BaseModel) -> None:
    found = inspect_adapter(FOREIGN[trainer](tmp_path / "out"), base=base, max_rank=16)
    assert found.rank in (4, 8)
    assert found.target_modules == ("v_proj",)


@pytest.mark.parametrize(
    "stated",
    [
        "unsloth/SmolLM2-135M-Instruct-bnb-4bit",
        "unsloth/smollm2-135m-instruct-unsloth-bnb-4bit",
        "unsloth/SmolLM2-135M-Instruct",
        "HuggingFaceTB/SmolLM2-135M",
        "/home/ml/.cache/huggingface/hub/models--HuggingFaceTB--SmolLM2-135M-Instruct/snapshots/12fd25f77366",
        "./models/SmolLM2-135M-Instruct/",
        "D:\\models\\SmolLM2-135M-Instruct",
    ],
)
def test_the_names_that_trainers_give_one_base_model_are_known(tmp_path: Path, stated: str) -> None:
    folder = write_peft_folder(tmp_path / "a", base_model_name_or_path=stated)
    assert inspect_adapter(folder, base=SERVED, max_rank=16).notes == ""


def test_an_adapter_that_names_no_base_model_is_accepted_by_its_shapes_alone(tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a", base_model_name_or_path=None)
    assert "accepted by the shapes" in inspect_adapter(folder, base=SERVED_AND_READ, max_rank=16).notes
    with pytest.raises(AdapterRefusedError, match="names no base model"):
        inspect_adapter(folder, base=SERVED, max_rank=16)


@pytest.mark.parametrize("name", ["default", "my-adapter"])
def test_weights_that_carry_the_adapters_name_are_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    folder = write_peft_folder(tmp_path / "a")
    raw: dict[str, Any] = {
        key.replace(".weight", f".{name}.weight"): tensor for key, tensor in lora_tensors().items()
    }
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(raw))
    with pytest.raises(AdapterRefusedError, match="save the adapter with save_pretrained"):
        inspect_adapter(folder, base=SERVED, max_rank=16)
