"""A trained adapter's folder, a base model's folder and a recipe, with no weights to speak of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from contracts.task import Task
from training.config import Recipe, load_recipe, load_task

HIDDEN, RANK = 8, 2
MODULES = {"self_attn.q_proj": (HIDDEN, HIDDEN), "mlp.down_proj": (HIDDEN, 16)}

TASK = """
name: colour-pick
description: Name the colour of a thing.
base_model: tiny-base
output: {kind: choice, choices: [red, green, blue]}
"""
RECIPE = """
task: task.yaml
base_model: base
data: {train: rows.jsonl}
lora: {rank: 2, targets: [q_proj, down_proj]}
out: adapter
"""
ROWS = [
    {"id": "1", "text": "a ripe tomato", "output": "red"},
    {"id": "2", "text": "grass", "output": "green"},
]


@dataclass(frozen=True)
class Bench:
    """Everything that packaging reads."""

    root: Path
    recipe: Recipe
    task: Task

    @property
    def adapter(self) -> Path:
        return self.root / "adapter"

    @property
    def base(self) -> Path:
        return self.root / "base"

    @property
    def recipe_file(self) -> Path:
        return self.root / "recipe.yaml"


def write_base(folder: Path) -> None:
    folder.mkdir()
    tensors = {
        f"model.layers.0.{name}.weight": np.zeros(shape, np.float32) for name, shape in MODULES.items()
    }
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "llama"}')


def write_adapter(folder: Path, *, seed: int = 0, **config: Any) -> None:
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    tensors = {}
    for name, (out, width) in MODULES.items():
        key = f"base_model.model.model.layers.0.{name}"
        tensors[f"{key}.lora_A.weight"] = random.normal(size=(RANK, width)).astype(np.float32)
        tensors[f"{key}.lora_B.weight"] = random.normal(size=(out, RANK)).astype(np.float32)
    save_file(tensors, folder / "adapter_model.safetensors")
    stated = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": 4,
        "use_rslora": True,
        "target_modules": ["q_proj"],
    }
    stated |= {"base_model_name_or_path": "tiny-base", **config}
    (folder / "adapter_config.json").write_text(json.dumps(stated))


def write_training_report(folder: Path, rows: bytes) -> None:
    report = {
        "data_sha256": hashlib.sha256(rows).hexdigest(),
        "examples": 2,
        "steps": 7,
        "longest_example_tokens": 31,
        "versions": {"torch": "2.13.0"},
    }
    (folder / "training-report.json").write_text(json.dumps(report))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    rows = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    (tmp_path / "rows.jsonl").write_bytes(rows)
    (tmp_path / "task.yaml").write_text(TASK)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    write_base(tmp_path / "base")
    write_adapter(tmp_path / "adapter")
    write_training_report(tmp_path / "adapter", rows)
    return Bench(tmp_path, load_recipe(tmp_path / "recipe.yaml"), load_task(tmp_path / "task.yaml"))
