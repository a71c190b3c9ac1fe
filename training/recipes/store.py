"""The adapter's folder: weights in the recipe's format, configuration without paths, recipe, report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from training.config import Recipe, Storage

if TYPE_CHECKING:
    from peft import PeftModel

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
RECIPE_FILE = "recipe.yaml"
REPORT_FILE = "training-report.json"


def store_adapter(model: PeftModel, recipe: Recipe, base_name: str) -> int:
    """Write weights and configuration; returns the size of the weights in bytes.

    The configuration names the base model as the task does, and lists its targets in order, so that
    the folder holds no path of the machine and the same run writes the same bytes.
    """
    import torch  # noqa: PLC0415 - only in the training environment
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    out = recipe.out
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out, safe_serialization=True)
    (out / "README.md").unlink(missing_ok=True)  # PEFT's empty card
    weights = out / WEIGHTS_FILE
    kinds = {
        Storage.BFLOAT16: torch.bfloat16,
        Storage.FLOAT16: torch.float16,
        Storage.FLOAT32: torch.float32,
    }
    tensors = {
        name: tensor.to(kinds[recipe.lora.storage]).contiguous()
        for name, tensor in load_file(weights).items()
    }
    save_file(tensors, weights, metadata={"format": "pt"})
    config_file = out / CONFIG_FILE
    config = json.loads(config_file.read_text("utf-8"))
    config |= {"base_model_name_or_path": base_name, "target_modules": sorted(config["target_modules"])}
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    return weights.stat().st_size


def copy_recipe(source: Path, out: Path) -> None:
    """Keep the recipe as it was written, beside what it made."""
    yaml.safe_load(source.read_text("utf-8"))
    if source.resolve() != (out / RECIPE_FILE).resolve():
        shutil.copyfile(source, out / RECIPE_FILE)
