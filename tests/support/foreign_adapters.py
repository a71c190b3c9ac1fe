"""LoRA folders as other trainers leave them: their own configurations, and everything that lies beside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.peft_folder import HIDDEN, KEY_VALUE, lora_tensors, safetensors_bytes

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def _config(base: str | None, **changes: Any) -> dict[str, Any]:
    """The keys that PEFT 0.18 writes for every one of them."""
    config: dict[str, Any] = {
        "alora_invocation_tokens": None,
        "alpha_pattern": {},
        "arrow_config": None,
        "auto_mapping": None,
        "base_model_name_or_path": base,
        "bias": "none",
        "corda_config": None,
        "ensure_weight_tying": False,
        "eva_config": None,
        "exclude_modules": None,
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layer_replication": None,
        "layers_pattern": None,
        "layers_to_transform": None,
        "loftq_config": {},
        "lora_alpha": 16,
        "lora_bias": False,
        "lora_dropout": 0.05,
        "megatron_config": None,
        "megatron_core": "megatron.core",
        "modules_to_save": None,
        "peft_type": "LORA",
        "peft_version": "0.18.1",
        "qalora_group_size": 16,
        "r": 4,
        "rank_pattern": {},
        "revision": None,
        "target_modules": ["v_proj"],
        "target_parameters": None,
        "task_type": "CAUSAL_LM",
        "trainable_token_indices": None,
        "use_dora": False,
        "use_qalora": False,
        "use_rslora": False,
    }
    return config | changes


def _write(folder: Path, config: dict[str, Any], weights: bytes, card: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(weights)
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def _beside(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("{}", encoding="utf-8")


def _training_state(folder: Path) -> None:
    """What the Trainer leaves; whoever opens its pickle, a pipe without a writer, never comes back."""
    _beside(folder, "trainer_state.json", *_TOKENIZER)
    os.mkfifo(folder / "training_args.bin")
    checkpoint = folder / "checkpoint-500"
    checkpoint.mkdir()
    _beside(checkpoint, "adapter_config.json", "trainer_state.json", "tokenizer.json")
    for name in ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (checkpoint / name).write_bytes(b"\x80\x04half a pickle")


def _weights(dtype: str = "F32") -> bytes:
    tensors: dict[str, Any] = dict(lora_tensors(seed=3))
    if dtype == "F16":
        return safetensors_bytes({name: tensor.astype(np.float16) for name, tensor in tensors.items()})
    if dtype == "BF16":
        upper = {name: (tensor.view(np.uint32) >> 16).astype(np.uint16) for name, tensor in tensors.items()}
        return safetensors_bytes(upper)
    return safetensors_bytes(tensors)


def peft_folder(folder: Path) -> Path:
    """`model.save_pretrained`, with every linear layer asked for by the one word."""
    card = "---\nbase_model: HuggingFaceTB/SmolLM2-135M-Instruct\nlibrary_name: peft\n---\n\n# Model Card\n"
    config = _config("HuggingFaceTB/SmolLM2-135M-Instruct", target_modules="all-linear")
    return _write(folder, config, _weights(), card)


def peft_patterns_folder(folder: Path) -> Path:
    """Ranks and alphas that differ by module, and layers chosen by number."""
    weights = safetensors_bytes(lora_tensors(rank=8, layers=1, seed=3))
    config = _config(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        rank_pattern={r"model\.layers\.0\.self_attn\.v_proj": 8},
        alpha_pattern={r"model\.layers\.0\.self_attn\.v_proj": 32},
        layers_to_transform=[0],
        layers_pattern="layers",
        lora_alpha=16.0,
    )
    return _write(folder, config, weights, "# Ranks by layer\n")


def trl_folder(folder: Path) -> Path:
    """`SFTTrainer` with checkpoints and TensorBoard; for "all-linear" it writes every module's path."""
    card = (
        "---\nbase_model: HuggingFaceTB/SmolLM2-135M-Instruct\nlibrary_name: peft\nmodel_name: out\ntags:\n"
        "- base_model:adapter:HuggingFaceTB/SmolLM2-135M-Instruct\n- sft\n- trl\nlicence: license\n---\n"
    )
    paths = [f"model.layers.0.self_attn.{name}" for name in ATTENTION]
    config = _config("HuggingFaceTB/SmolLM2-135M-Instruct", target_modules=paths)
    made = _write(folder, config, _weights("BF16"), card)
    _training_state(made)
    (made / "runs").mkdir()
    return made


def unsloth_folder(folder: Path) -> Path:
    """A 4-bit base of its own hub name, a regular expression for the targets, and a mark in auto_mapping."""
    kinds, names = "self_attn|attention|attn|mlp|feed_forward|ffn|dense", "|".join((*ATTENTION, *MLP))
    config = _config(
        "unsloth/smollm2-135m-instruct-unsloth-bnb-4bit",
        auto_mapping={
            "base_model_class": "LlamaForCausalLM",
            "parent_library": "transformers.models.llama.modeling_llama",
            "unsloth_fixed": True,
        },
        lora_dropout=0,
        target_modules=rf"(?:.*?(?:language|text).*?(?:{kinds}).*?(?:{names}).*?)|"
        rf"(?:\bmodel\.layers\.[\d]{{1,}}\.(?:{kinds})\.(?:(?:{names})))",
    )
    made = _write(
        folder, config, _weights("F16"), "---\ntags:\n- unsloth\n- llama\n---\n\n# Uploaded model\n"
    )
    _beside(made, *_TOKENIZER)
    return made


def axolotl_folder(folder: Path) -> Path:
    """The model's config.json beside the adapter's, and the run's YAML inside the card."""
    card = (
        "---\nlibrary_name: peft\nlicense: apache-2.0\ntags:\n- axolotl\n- generated_from_trainer\n---\n\n"
        "axolotl version: `0.12.0`\n```yaml\nadapter: lora\nbase_model: "
        "HuggingFaceTB/SmolLM2-135M-Instruct\n```\n"
    )
    config = _config(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        target_modules=list(MLP[::-1] + ATTENTION),
        loftq_config=None,
        init_lora_weights="gaussian",
    )
    made = _write(folder, config, _weights("BF16"), card)
    _training_state(made)
    _beside(made, "config.json", "added_tokens.json", "debug.log", "tokenizer.model")
    return made


def llama_factory_folder(folder: Path) -> Path:
    """A base model from a local folder, and the results, logs and plots of the run."""
    card = "---\nlibrary_name: peft\nlicense: other\nbase_model: /data/models/SmolLM2-135M-Instruct\n---\n"
    config = _config("/data/models/SmolLM2-135M-Instruct", target_modules=[*MLP, *ATTENTION], lora_dropout=0)
    made = _write(folder, config, _weights(), card)
    _training_state(made)
    _beside(
        made,
        "all_results.json",
        "train_results.json",
        "eval_results.json",
        "trainer_log.jsonl",
        "training_args.yaml",
        "llamaboard_config.yaml",
        "running_log.txt",
        "training_loss.png",
    )
    return made


FOREIGN: dict[str, Callable[[Path], Path]] = {
    "peft": peft_folder,
    "peft with patterns": peft_patterns_folder,
    "trl": trl_folder,
    "unsloth": unsloth_folder,
    "axolotl": axolotl_folder,
    "llama-factory": llama_factory_folder,
}
SHAPES = {"model.layers.0.self_attn.v_proj": (KEY_VALUE, HIDDEN)}
"""What the base model of all of them has where they adapt it."""
