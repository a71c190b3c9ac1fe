"""Owns reading an adapter's folder: its shape by the file headers alone, and whether it fits a base model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from contracts.artifact import ADAPTER_FILES, digest_of
from training.errors import PackageError

CONFIG_FILE, WEIGHTS_FILE = ADAPTER_FILES
_CONFIG_BYTES = 1024 * 1024
PREFIX = "base_model.model."
"""Goes before the name of a module in the weights of an adapter."""
_FACTOR = re.compile(r"(?P<module>[\w.]+)\.lora_(?P<side>[AB])\.weight")

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA folder; `modules` maps each adapted module to the shape [out, in] of its weight."""

    folder: Path
    digest: str
    base_name: str
    rank: int
    alpha: float
    is_rslora: bool
    has_patterns: bool
    modules: dict[str, Shape]

    @property
    def scaling(self) -> float:
        """What PEFT multiplies B·A by."""
        return float(self.alpha / (self.rank**0.5 if self.is_rslora else self.rank))

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of the digest."""
        return self.digest[:12]


def read_adapter(folder: Path) -> Adapter:
    """Read a PEFT LoRA folder.

    Raises:
        PackageError: it is no adapter, or one with parts beyond LoRA factors.
    """
    config = _config(folder)
    shapes = tensor_shapes(folder / WEIGHTS_FILE)
    try:
        return Adapter(
            folder=folder,
            digest=digest_of(folder, ADAPTER_FILES),
            base_name=str(config.get("base_model_name_or_path") or "").rstrip("/").rsplit("/", 1)[-1]
            or "base",
            rank=int(config["r"]),
            alpha=float(config.get("lora_alpha") or config["r"]),
            is_rslora=bool(config.get("use_rslora")),
            has_patterns=bool(config.get("rank_pattern") or config.get("alpha_pattern")),
            modules=_modules(folder / WEIGHTS_FILE, shapes),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PackageError(f"{folder / CONFIG_FILE}: r or lora_alpha is no number: {error}") from error


def check_fits(adapter: Adapter, base: Path) -> None:
    """Refuse a base model that the adapter was not trained on, by the shapes of their weights.

    Raises:
        PackageError: the base lacks a module, or has it in another shape.
    """
    shapes: dict[str, Shape] = {}
    files = sorted(base.glob("*.safetensors"))
    if not files:
        raise PackageError(f"{base}: no safetensors weights here; a base model is a Hugging Face folder")
    for file in files:
        shapes.update(tensor_shapes(file))
    for module, expected in adapter.modules.items():
        found = shapes.get(f"{module}.weight")
        if found != expected:
            has = f"has it as {list(found)}" if found else "has no such module"
            raise PackageError(
                f"{adapter.folder}: adapts {module!r} of shape {list(expected)}; {base} {has}: "
                f"the adapter was trained on another base model"
            )


def tensor_shapes(file: Path) -> dict[str, Shape]:
    """Names and shapes of a safetensors file, from its header.

    Raises:
        PackageError: it is missing, or no safetensors file.
    """
    try:
        with safe_open(file, framework="numpy") as weights:
            return {key: tuple(weights.get_slice(key).get_shape()) for key in weights.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise PackageError(f"{file}: no readable safetensors file: {error}") from error


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    try:
        with path.open("rb") as file:
            config = json.loads(file.read(_CONFIG_BYTES))
    except OSError as error:
        raise PackageError(f"{folder}: no adapter here: {error}") from error
    except ValueError as error:
        raise PackageError(f"{path}: no valid JSON: {error}") from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise PackageError(f"{path}: is not the configuration of a LoRA adapter (peft_type: LORA)")
    if config.get("use_dora") or config.get("modules_to_save"):
        raise PackageError(f"{path}: DoRA and modules_to_save are not supported")
    return config


def _modules(weights: Path, shapes: dict[str, Shape]) -> dict[str, Shape]:
    factors: dict[str, dict[str, Shape]] = {}
    for name, shape in shapes.items():
        match = _FACTOR.fullmatch(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
        if match is None or len(shape) != 2:
            raise PackageError(f"{weights}: {name[:200]!r} is no factor of a LoRA on a linear layer")
        factors.setdefault(match["module"], {})[match["side"]] = shape
    if not factors:
        raise PackageError(f"{weights}: holds no LoRA weights")
    for module, pair in factors.items():
        if set(pair) != {"A", "B"} or pair["A"][0] != pair["B"][1]:
            raise PackageError(f"{weights}: lora_A and lora_B of {module!r} do not fit each other")
    return {module: (pair["B"][0], pair["A"][1]) for module, pair in sorted(factors.items())}
