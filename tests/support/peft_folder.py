"""PEFT LoRA folders as PEFT writes them, small, and wrong in whatever way a test asks for."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BASE_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
HIDDEN, KEY_VALUE = 576, 192
Tensors = dict[str, npt.NDArray[np.float32]]


def lora_tensors(
    *, rank: int = 4, layers: int = 1, hidden: int = HIDDEN, outward: int = KEY_VALUE, seed: int = 0
) -> Tensors:
    """Weights for `v_proj` of the first layers."""
    random = np.random.default_rng(seed)
    tensors: Tensors = {}
    for layer in range(layers):
        name = f"base_model.model.model.layers.{layer}.self_attn.v_proj"
        tensors[f"{name}.lora_A.weight"] = random.normal(size=(rank, hidden)).astype(np.float32)
        tensors[f"{name}.lora_B.weight"] = random.normal(size=(outward, rank)).astype(np.float32)
    return tensors


def safetensors_bytes(tensors: Mapping[str, npt.NDArray[Any]], dtypes: Mapping[str, str] = {}) -> bytes:
    """The file format by hand, so that a test can name a type that numpy lacks (BF16 given as uint16)."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    known = {"float32": "F32", "float16": "F16", "float64": "F64", "int64": "I64", "uint16": "BF16"}
    for name, tensor in tensors.items():
        raw = tensor.tobytes()
        header[name] = {
            "dtype": dtypes.get(name, known[str(tensor.dtype)]),
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + data


def lora_config(**changes: Any) -> dict[str, Any]:
    """An adapter_config.json of PEFT 0.21, shortened."""
    config = {
        "alora_invocation_tokens": None,
        "alpha_pattern": {},
        "base_model_name_or_path": BASE_NAME,
        "bias": "none",
        "fan_in_fan_out": False,
        "init_lora_weights": True,
        "layer_replication": None,
        "lora_alpha": 16,
        "lora_bias": False,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": 4,
        "rank_pattern": {},
        "target_modules": ["v_proj"],
        "task_type": "CAUSAL_LM",
        "trainable_token_indices": None,
        "use_dora": False,
        "use_rslora": True,
    }
    return config | changes


def write_peft_folder(
    folder: Path, *, tensors: Mapping[str, npt.NDArray[Any]] | None = None, seed: int = 0, **changes: Any
) -> Path:
    """Write both files; `changes` are laid over the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(lora_config(**changes)), encoding="utf-8")
    weights = lora_tensors(seed=seed) if tensors is None else tensors
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(weights))
    return folder
