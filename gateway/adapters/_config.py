"""The adapter_config.json of a PEFT folder: refused where vLLM would refuse it, or would serve it wrongly."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.errors import AdapterRefusedError

CONFIG_FILE: Final = "adapter_config.json"
MAX_CONFIG_BYTES: Final = 1024 * 1024

_PLAIN_INITS: Final = frozenset({"gaussian", "eva", "orthogonal", "mica", "lora_ga"})
"""Starts that leave the base weights as they are; the others (PiSSA, OLoRA, CorDA, LoftQ) change them."""

# Key, whether its value is harmless, and what to do about it; from vLLM 0.32's vllm/lora/peft_helper.py.
_Rule = tuple[str, Callable[[Any], bool], str]
_RULES: Final[tuple[_Rule, ...]] = (
    ("use_dora", lambda value: not value, "DoRA is not served; train with use_dora=false"),
    (
        "modules_to_save",
        lambda value: not value,
        "whole modules are not served; train without modules_to_save",
    ),
    ("bias", lambda value: value in (None, "none"), "trained biases are not served; train with bias='none'"),
    ("lora_bias", lambda value: not value, "a LoRA bias is not served; train with lora_bias=false"),
    (
        "init_lora_weights",
        lambda value: not isinstance(value, str) or value.lower() in _PLAIN_INITS,
        "this start changes the base weights; let PEFT convert it (path_initial_model_for_weight_conversion)",
    ),
    ("alora_invocation_tokens", lambda value: not value, "activated LoRA is not served"),
    ("layer_replication", lambda value: not value, "layer replication is not served"),
    ("use_bdlora", lambda value: not value, "block-diagonal LoRA is not served"),
    ("use_qalora", lambda value: not value, "QALoRA is not served"),
    ("trainable_token_indices", lambda value: not value, "trained token embeddings are not served"),
    (
        "task_type",
        lambda value: value in (None, "CAUSAL_LM"),
        "served are adapters of causal language models",
    ),
)


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """What the checks need of the config; `ranks` are all ranks that a module may have."""

    rank: int
    ranks: frozenset[int]
    target_modules: tuple[str, ...]
    base_model: str


def read_config(path: Path, max_rank: int) -> LoraConfig:
    """Read and judge the file.

    Raises:
        AdapterRefusedError: it is no LoRA configuration, or one that the engines do not serve.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise AdapterRefusedError(f"{CONFIG_FILE}: is over {MAX_CONFIG_BYTES} bytes")
        config = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise AdapterRefusedError(f"{CONFIG_FILE}: cannot be read as JSON: {error}") from error
    if not isinstance(config, dict):
        raise AdapterRefusedError(f"{CONFIG_FILE}: expected a JSON object")
    _check_features(config)
    rank = _whole(config, "r")
    patterns = config.get("rank_pattern") or {}
    if not isinstance(patterns, dict):
        raise AdapterRefusedError(f"{CONFIG_FILE}: rank_pattern: expected an object")
    ranks = frozenset({rank, *(_whole(patterns, key, "rank_pattern.") for key in patterns)})
    if max(ranks) > max_rank:
        raise AdapterRefusedError(
            f"{CONFIG_FILE}: rank {max(ranks)} is above the pool's max_lora_rank {max_rank}; "
            "train with a smaller rank, or raise the limit of the engines and of the pool"
        )
    _check_alpha(config)
    return LoraConfig(rank, ranks, _targets(config), _base_model(config))


def _check_features(config: Mapping[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        raise AdapterRefusedError(
            f"{CONFIG_FILE}: peft_type is {config.get('peft_type')!r}; served is 'LORA'"
        )
    for key, is_harmless, advice in _RULES:
        if not is_harmless(config.get(key)):
            raise AdapterRefusedError(f"{CONFIG_FILE}: {key} is {str(config[key])[:200]!r}: {advice}")


def _whole(config: Mapping[str, Any], key: str, prefix: str = "") -> int:
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise AdapterRefusedError(
            f"{CONFIG_FILE}: {prefix}{key[:100]}: expected a whole number from 1, got {value!r}"
        )
    return value


def _check_alpha(config: Mapping[str, Any]) -> None:
    patterns = config.get("alpha_pattern") or {}
    if not isinstance(patterns, dict):
        raise AdapterRefusedError(f"{CONFIG_FILE}: alpha_pattern: expected an object")
    for value in (config.get("lora_alpha"), *patterns.values()):
        if not isinstance(value, int | float) or isinstance(value, bool) or not _is_finite(value):
            raise AdapterRefusedError(f"{CONFIG_FILE}: lora_alpha: expected a finite number, got {value!r}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _targets(config: Mapping[str, Any]) -> tuple[str, ...]:
    value = config.get("target_modules")
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise AdapterRefusedError(f"{CONFIG_FILE}: target_modules: expected a list of module names")
    return tuple(sorted(names))


def _base_model(config: Mapping[str, Any]) -> str:
    """Empty where the trainer wrote null, as PEFT does for a model that was built and not loaded."""
    value = config.get("base_model_name_or_path")
    if value is not None and not isinstance(value, str):
        raise AdapterRefusedError(
            f"{CONFIG_FILE}: base_model_name_or_path: expected the base model that the adapter was trained on"
        )
    return value or ""
