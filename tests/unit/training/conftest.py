"""A base model's folder with the module names of the real one and no weights to speak of."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the light environment, wherever the tests run."""
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.fixture
def tiny_base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    tensors = {f"model.layers.0.{name}.weight": np.zeros((2, 2), dtype=np.float32) for name in TARGETS}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 2048}', "utf-8")
    return folder
