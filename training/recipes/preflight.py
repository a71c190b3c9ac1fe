"""What is refused before training starts: all that would otherwise fail when the adapter is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

from safetensors import SafetensorError, safe_open

from contracts.artifact import digest_of
from training.config import Lora, Overlong, Recipe
from training.errors import NotServableError, RecipeError, TargetNotFoundError, TruncatedExampleError
from training.recipes.encode import EncodedExample, EncodedPair

_One = TypeVar("_One", EncodedExample, EncodedPair)

SERVABLE_INITS: Final = ("default", "gaussian", "orthogonal")
"""Initialisations that leave the base weights as they are. The others (PiSSA, OLoRA, CorDA, LoftQ, ...)
change them or need a converted adapter, which the engine refuses or serves wrongly."""

_NO_ADAPTER_ON: Final = ("embed_tokens", "lm_head", "norm", "layernorm")

# Field, whether its value is harmless, and what to do about it; from vLLM 0.32's vllm/lora/peft_helper.py.
# The gateway has the same table over adapter_config.json, for adapters from elsewhere.
_Rule = tuple[str, Callable[[Any], bool], str]
_RULES: Final[tuple[_Rule, ...]] = (
    ("dora", lambda value: not value, "DoRA is not supported"),
    ("modules_to_save", lambda value: not value, "whole modules are not served; leave it empty"),
    ("bias", lambda value: value == "none", "trained biases are not served; use 'none'"),
    ("lora_bias", lambda value: not value, "a LoRA bias is not served"),
    ("init", lambda value: value in SERVABLE_INITS, f"not supported; use {', '.join(SERVABLE_INITS)}"),
    ("alora_invocation_tokens", lambda value: not value, "activated LoRA is not served"),
    ("layer_replication", lambda value: not value, "layer replication is not served"),
    ("bdlora", lambda value: not value, "block-diagonal LoRA is not served"),
    ("qalora", lambda value: not value, "QALoRA is not served"),
    ("trainable_token_indices", lambda value: not value, "trained token embeddings are not served"),
)


def check_recipe(recipe: Recipe) -> None:
    """Refuse what the engine would not load, and a base model that cannot be trained as the recipe says.

    Raises:
        NotServableError: with every reason.
        TargetNotFoundError: a target is no linear module of the base model.
        RecipeError: the base model's folder has no readable weights, is not the pinned one, is quantised
            already, or reads fewer tokens than `schedule.max_tokens`.
    """
    check_servable(recipe.lora)
    known = linear_modules(recipe.base_model)
    missing = [target for target in recipe.lora.targets if target not in known]
    if missing:
        raise TargetNotFoundError(missing, known)
    if problems := [*_config_problems(recipe), *_pin_problems(recipe)]:
        raise RecipeError(f"{recipe.base_model}: {'; '.join(problems)}")


def check_servable(lora: Lora) -> None:
    """Refuse an adapter shape that the engine would not load.

    Raises:
        NotServableError: with every reason.
    """
    reasons = [
        f"lora.{field}: {_shown(getattr(lora, field))}: {advice}"
        for field, is_harmless, advice in _RULES
        if not is_harmless(getattr(lora, field))
    ]
    if lora.rank > lora.engine_max_rank:
        reasons.append(
            f"lora.rank: {lora.rank} is above the engine's limit of {lora.engine_max_rank} (--max-lora-rank)"
        )
    if reasons:
        raise NotServableError(reasons)


def fitting(
    examples: Iterable[EncodedExample], max_tokens: int, overlong: Overlong = Overlong.REFUSE
) -> tuple[list[EncodedExample], list[str]]:
    """The examples that fit whole, and the ids of the others.

    Raises:
        TruncatedExampleError: some are too long and `overlong` is `refuse`, or none is left.
    """
    by_length = [(example, len(example.input_ids)) for example in examples]
    return _split(by_length, max_tokens, overlong)


def fitting_pairs(
    pairs: Iterable[EncodedPair], max_tokens: int, overlong: Overlong = Overlong.REFUSE
) -> tuple[list[EncodedPair], list[str]]:
    """As `fitting`, for pairs: both answers must fit.

    Raises:
        TruncatedExampleError: as `fitting`.
    """
    return _split([(pair, pair.longest_tokens) for pair in pairs], max_tokens, overlong)


def weight_files(base_model: Path) -> tuple[Path, ...]:
    """The safetensors files of a model folder, in the order of their names.

    Raises:
        RecipeError: there is none.
    """
    files = tuple(sorted(base_model.glob("*.safetensors")))
    if not files:
        raise RecipeError(
            f"{base_model}: no safetensors weights here; base_model is a Hugging Face model folder"
        )
    return files


def linear_modules(base_model: Path) -> tuple[str, ...]:
    """Names of the modules in the folder's safetensors files that hold a matrix an adapter can stand beside.

    Raises:
        RecipeError: there is no readable safetensors file.
    """
    names: set[str] = set()
    for file in weight_files(base_model):
        try:
            with safe_open(file, framework="numpy") as weights:
                names.update(_module(key) for key in weights.offset_keys() if _is_matrix(weights, key))
        except (OSError, SafetensorError) as error:
            raise RecipeError(f"{file}: cannot be read: {error}") from error
    return tuple(sorted(name for name in names if not name.endswith(_NO_ADAPTER_ON)))


def _split(
    by_length: list[tuple[_One, int]], max_tokens: int, overlong: Overlong
) -> tuple[list[_One], list[str]]:
    too_long = {one.id: tokens for one, tokens in by_length if tokens > max_tokens}
    fits = [one for one, tokens in by_length if tokens <= max_tokens]
    if too_long and (overlong is Overlong.REFUSE or not fits):
        raise TruncatedExampleError(too_long, max_tokens)
    return fits, list(too_long)


def _config_problems(recipe: Recipe) -> list[str]:
    file = recipe.base_model / "config.json"
    try:
        config = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise RecipeError(f"{file}: cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise RecipeError(f"{file}: expected a JSON object")
    problems = []
    if config.get("quantization_config"):
        problems.append(
            "its weights are quantised already; train on the full-precision weights, or in four bits with "
            "'quantisation: nf4'"
        )
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and positions < recipe.schedule.max_tokens:
        problems.append(
            f"it reads {positions} tokens, fewer than schedule.max_tokens, {recipe.schedule.max_tokens}"
        )
    return problems


def _pin_problems(recipe: Recipe) -> list[str]:
    if recipe.base_model_sha256 is None:
        return []
    digest = digest_of(recipe.base_model, [file.name for file in weight_files(recipe.base_model)])
    return [] if digest == recipe.base_model_sha256 else [f"base_model_sha256 is another: these are {digest}"]


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else repr(value)


def _is_matrix(weights: safe_open, key: str) -> bool:
    return len(weights.get_slice(key).get_shape()) == 2  # type: ignore[no-untyped-call]  # as its stub is


def _module(key: str) -> str:
    return key.removesuffix(".weight").rsplit(".", 1)[-1]
