"""Whether an adapter's folder fits a base model that is loaded: names and shapes alone are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from contracts.artifact import ADAPTER_FILES
from training.errors import OfflineModelError

_WEIGHT = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])\.(?:\w+\.)?weight")


def check_adapter(model: Any, adapter: Path) -> None:
    """Refuse an adapter whose modules the model does not have, or has in another shape.

    Raises:
        OfflineModelError: naming the first that does not fit.
    """
    for name in ADAPTER_FILES:
        if not (adapter / name).is_file():
            raise OfflineModelError(f"{adapter}: no adapter's folder: {name} is missing")
    modules: dict[str, Any] = dict(model.named_modules())
    for module, side, shape in _shapes(adapter / ADAPTER_FILES[1]):
        layer = modules.get(module)
        if layer is None or not hasattr(layer, "in_features"):
            raise OfflineModelError(f"{adapter}: the base model has no linear layer {module}")
        wanted, given = (layer.in_features, shape[1]) if side == "A" else (layer.out_features, shape[0])
        if wanted != given:
            raise OfflineModelError(
                f"{adapter}: made for another base model: {module} is {wanted} wide here, {given} there"
            )


def _shapes(weights: Path) -> list[tuple[str, str, tuple[int, ...]]]:
    """Module, side and shape of every LoRA matrix in the file."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - tensors alone are read as needed

    try:
        with safe_open(weights, framework="numpy") as file:
            named = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise OfflineModelError(f"{weights}: no safetensors file that can be read: {error}") from error
    found = [(_WEIGHT.fullmatch(name), shape) for name, shape in named.items()]
    if not found or any(match is None for match, _ in found):
        stranger = next((name for name in named if _WEIGHT.fullmatch(name) is None), "no tensor")
        raise OfflineModelError(f"{weights}: holds {stranger}, which is no LoRA matrix")
    return [(match["module"], match["side"], shape) for match, shape in found if match is not None]
