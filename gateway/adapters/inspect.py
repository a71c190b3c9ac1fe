"""Judging a PEFT LoRA folder without running anything of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.adapters._config import CONFIG_FILE, LoraConfig, read_config
from gateway.adapters._safetensors import Tensor, check_finite, read_tensors
from gateway.adapters.bases import BaseModel, Shape
from gateway.errors import AdapterRefusedError

WEIGHTS_FILE: Final = "adapter_model.safetensors"
_PREFIX: Final = "base_model.model."
_LORA: Final = re.compile(
    r"(?P<module>[\w.]+)\.(?:lora_(?P<linear>[AB])\.weight|lora_embedding_(?P<embedding>[AB]))"
)
_UNSAVED: Final = re.compile(r"\.lora_(?:embedding_)?[AB]\.(?!weight$)[\w-]+(?:\.weight)?$")
"""`lora_A.default.weight`: PEFT takes the name out when it saves, and engines do not know it."""
_BASE_EMBEDDINGS: Final = (".embed_tokens.base_layer.weight", ".lm_head.base_layer.weight")
"""PEFT saves these unchanged beside an adapter on the embeddings; engines skip them."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a folder that passed holds."""

    rank: int
    target_modules: tuple[str, ...]
    notes: str = ""


@dataclass(slots=True)
class _Pair:
    """The two factors of one module; `down` is [rank, in] and `up` is [out, rank]."""

    is_embedding: bool
    down: Shape | None = None
    up: Shape | None = None


def inspect_adapter(folder: Path, *, base: BaseModel, max_rank: int) -> Inspection:
    """Check everything that an engine would refuse, and what it would take and serve wrongly. Blocks.

    Raises:
        AdapterRefusedError: the first thing that is wrong, and what to do about it.
    """
    config = read_config(folder / CONFIG_FILE, max_rank)
    tensors = read_tensors(folder / WEIGHTS_FILE)
    pairs = _pairs(tensors)
    _check_ranks(pairs, config)
    note = base.check_name(config.base_model)
    if base.shapes:
        _check_shapes(pairs, base)
    check_finite(folder / WEIGHTS_FILE, tensors)
    modules = tuple(sorted({module.rsplit(".", 1)[-1] for module in pairs}))
    return Inspection(max(pair.down[0] for pair in pairs.values() if pair.down), modules, note or "")


def _pairs(tensors: Mapping[str, Tensor]) -> dict[str, _Pair]:
    pairs: dict[str, _Pair] = {}
    for name, tensor in tensors.items():
        if name.endswith(_BASE_EMBEDDINGS):
            continue
        match = _LORA.fullmatch(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
        if match is None:
            if _UNSAVED.search(name):
                raise AdapterRefusedError(
                    f"{WEIGHTS_FILE}: tensor {name[:200]!r} carries the adapter's name, as a raw checkpoint "
                    "of the training state does; save the adapter with save_pretrained"
                )
            raise AdapterRefusedError(
                f"{WEIGHTS_FILE}: tensor {name[:200]!r} is not part of a plain LoRA adapter"
            )
        if len(tensor.shape) != 2 or 0 in tensor.shape:
            raise AdapterRefusedError(f"{WEIGHTS_FILE}: tensor {name[:200]!r} has shape {tensor.shape}")
        side = match["linear"] or match["embedding"]
        pair = pairs.setdefault(match["module"], _Pair(is_embedding=match["embedding"] is not None))
        if side == "A":
            pair.down = tensor.shape
        else:
            pair.up = tensor.shape
    if not pairs:
        raise AdapterRefusedError(f"{WEIGHTS_FILE}: holds no LoRA weights")
    return pairs


def _check_ranks(pairs: Mapping[str, _Pair], config: LoraConfig) -> None:
    for module, pair in pairs.items():
        if pair.down is None or pair.up is None:
            raise AdapterRefusedError(f"{WEIGHTS_FILE}: module {module!r} has only one of lora_A and lora_B")
        if pair.down[0] != pair.up[1]:
            raise AdapterRefusedError(
                f"{WEIGHTS_FILE}: module {module!r}: lora_A {pair.down} does not fit lora_B {pair.up}"
            )
        if pair.down[0] not in config.ranks:
            raise AdapterRefusedError(
                f"{WEIGHTS_FILE}: module {module!r} has rank {pair.down[0]}; "
                f"{CONFIG_FILE} states {sorted(config.ranks)}"
            )


def _check_shapes(pairs: Mapping[str, _Pair], base: BaseModel) -> None:
    for module, pair in pairs.items():
        shape = base.shapes.get(module)
        if shape is None:
            raise AdapterRefusedError(f"{WEIGHTS_FILE}: base model {base.name!r} has no module {module!r}")
        # An embedding's factors are transposed: its weight is [vocabulary, hidden].
        expected = (shape[1], shape[0]) if pair.is_embedding else shape
        found = (pair.up[0], pair.down[1]) if pair.up and pair.down else ()
        if found != expected:
            raise AdapterRefusedError(
                f"{WEIGHTS_FILE}: module {module!r} fits a weight of shape {found}; base model "
                f"{base.name!r} has {expected}: the adapter was trained on another base model"
            )
