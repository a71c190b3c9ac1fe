"""What is refused before training starts: all that would otherwise fail when the adapter is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from safetensors import SafetensorError, safe_open

from training.config import Lora, Recipe
from training.errors import NotServableError, RecipeError, TargetNotFoundError, TruncatedExampleError
from training.recipes.encode import EncodedExample

SERVABLE_INITS = ("default", "gaussian")
"""Initialisations that leave the base weights as they are. The others (PiSSA, OLoRA, CorDA, LoftQ, EVA, ...)
change them or need a converted adapter, which the engine refuses or serves wrongly."""

_NO_ADAPTER_ON = ("embed_tokens", "lm_head", "norm", "layernorm")


def check_recipe(recipe: Recipe) -> None:
    """Refuse what the engine would not load, and targets that the base model does not have.

    Raises:
        NotServableError: with every reason.
        TargetNotFoundError: a target is no linear module of the base model.
        RecipeError: the base model's folder has no readable weights.
    """
    check_servable(recipe.lora)
    known = linear_modules(recipe.base_model)
    missing = [target for target in recipe.lora.targets if target not in known]
    if missing:
        raise TargetNotFoundError(missing, known)


def check_servable(lora: Lora) -> None:
    """Refuse an adapter shape that the engine would not load.

    Raises:
        NotServableError: with every reason.
    """
    reasons = []
    if lora.dora:
        reasons.append("lora.dora: DoRA is not supported")
    if lora.modules_to_save:
        reasons.append(
            f"lora.modules_to_save: {', '.join(lora.modules_to_save)} would be stored whole; leave it empty"
        )
    if lora.bias != "none":
        reasons.append(f"lora.bias: {lora.bias!r} is not supported; use 'none'")
    if lora.init not in SERVABLE_INITS:
        reasons.append(f"lora.init: {lora.init!r} is not supported; use {' or '.join(SERVABLE_INITS)}")
    if lora.rank > lora.engine_max_rank:
        reasons.append(
            f"lora.rank: {lora.rank} is above the engine's limit of {lora.engine_max_rank} (--max-lora-rank)"
        )
    if reasons:
        raise NotServableError(reasons)


def check_lengths(examples: Iterable[EncodedExample], max_tokens: int) -> None:
    """Refuse an example that does not fit whole.

    Raises:
        TruncatedExampleError: the first one that is too long.
    """
    for example in examples:
        if len(example.input_ids) > max_tokens:
            raise TruncatedExampleError(example.id, len(example.input_ids), max_tokens)


def linear_modules(base_model: Path) -> tuple[str, ...]:
    """Names of the modules in the folder's safetensors files that hold a matrix an adapter can stand beside.

    Raises:
        RecipeError: there is no readable safetensors file.
    """
    names: set[str] = set()
    files = sorted(base_model.glob("*.safetensors"))
    if not files:
        raise RecipeError(
            f"{base_model}: no safetensors weights here; base_model is a Hugging Face model folder"
        )
    for file in files:
        try:
            with safe_open(file, framework="numpy") as weights:
                names.update(_module(key) for key in weights.offset_keys() if _is_matrix(weights, key))
        except (OSError, SafetensorError) as error:
            raise RecipeError(f"{file}: cannot be read: {error}") from error
    return tuple(sorted(name for name in names if not name.endswith(_NO_ADAPTER_ON)))


def _is_matrix(weights: safe_open, key: str) -> bool:
    return len(weights.get_slice(key).get_shape()) == 2  # type: ignore[no-untyped-call]  # as its stub is


def _module(key: str) -> str:
    return key.removesuffix(".weight").rsplit(".", 1)[-1]
