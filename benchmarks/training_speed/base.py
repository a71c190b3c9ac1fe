"""A base model of a given shape with random weights, for machines that the real one does not reach."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM


def random_base(shape: Path, folder: Path) -> Path:
    """Weights drawn for the `config.json` in `shape`, beside its tokenizer; speed does not depend on them."""
    shutil.copytree(shape, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.gguf"))
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.bfloat16)
    model.save_pretrained(folder)
    return folder
