"""What is known of a base model: the names it goes by, and its weights' shapes where they can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from gateway.adapters._safetensors import read_tensors
from gateway.errors import AdapterRefusedError

Shape = tuple[int, ...]

_MAX_CONFIG_BYTES: Final = 1024 * 1024
_VARIANT: Final = re.compile(r"(-(instruct|chat|it|hf|unsloth|bnb-4bit))+$")
"""Endings that name a published form of one model, or its quantised copy for training."""
_NAMES_A_SIZE: Final = re.compile(r"\d[mb](\b|-|$)", re.IGNORECASE)
"""`SmolLM2-135M`, `llama-3.2-1b`: a folder named so names a model, one called `hf` or `base` does not."""
_SAYS_NOTHING: Final = frozenset(
    {"hf", "base", "base-model", "main", "merged", "model", "snapshot", "weights"}
)
_HUB_CACHE: Final = re.compile(r"models--(?:[^/]+--)?([^/]+)/snapshots/[^/]+/?$")


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A served base model.

    `names` are all the names that an adapter may give for it. `shapes` maps a module
    (`model.layers.0.self_attn.q_proj`) to its weight's shape, [out, in]; empty where they are not known.
    """

    name: str
    names: frozenset[str]
    shapes: Mapping[str, Shape] = field(default_factory=dict)

    def check_name(self, stated: str) -> str | None:
        """Accept the base model that an adapter names; gives a note where only its shapes can prove it.

        Raises:
            AdapterRefusedError: the adapter names another base model.
        """
        if not stated.strip():
            if self.shapes:
                return "the adapter names no base model; accepted by the shapes of its weights"
            raise AdapterRefusedError(
                "the adapter names no base model, and the shapes of the served one cannot be read here: "
                "write its name into base_model_name_or_path"
            )
        last = _last_component(stated)
        if _normalised(last) in {_normalised(_last_component(name)) for name in self.names}:
            return None
        if self.shapes and _is_local_path(stated) and not _NAMES_A_SIZE.search(last):
            return f"the base model was given as a folder ({last}); accepted by the shapes of its weights"
        raise AdapterRefusedError(
            f"the adapter was trained on base model {last!r}, and the task is served by {self.name!r} "
            f"(also known as {sorted(map(_last_component, self.names))}): train it on the task's base model, "
            "or, if that is the same model, write its name into base_model_name_or_path"
        )


def read_base_model(name: str, roots: Sequence[str]) -> BaseModel:
    """Gather what the engines' model roots tell; a root that is a folder here is read. Blocks."""
    shapes: Mapping[str, Shape] = {}
    for root in roots:
        if Path(root).is_absolute() and not shapes:
            shapes = read_shapes(Path(root))
    telling = [root for root in roots if _last_component(root).casefold() not in _SAYS_NOTHING]
    return BaseModel(name, frozenset({name, *telling}), shapes)


def read_shapes(folder: Path) -> dict[str, Shape]:
    """Shapes from the headers of the weight files, else from config.json; empty where neither can be read."""
    try:
        shapes = {
            tensor_name.removesuffix(".weight"): tensor.shape
            for path in sorted(folder.glob("*.safetensors"))
            for tensor_name, tensor in read_tensors(path).items()
            if tensor_name.endswith(".weight")
        }
        config = _read_config(folder)
    except (AdapterRefusedError, OSError):
        return {}
    if not shapes:
        return _shapes_of(config)
    if config.get("tie_word_embeddings") and "model.embed_tokens" in shapes:
        shapes.setdefault("lm_head", shapes["model.embed_tokens"])
    return shapes


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file() or path.stat().st_size > _MAX_CONFIG_BYTES:
        return {}
    try:
        config = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return config if isinstance(config, dict) else {}


def _shapes_of(config: Mapping[str, Any]) -> dict[str, Shape]:
    """The linear modules of Llama-like models (Llama, Mistral, Qwen, SmolLM) by their configuration."""
    try:
        hidden, inner = int(config["hidden_size"]), int(config["intermediate_size"])
        heads, layers = int(config["num_attention_heads"]), int(config["num_hidden_layers"])
        key_heads = int(config.get("num_key_value_heads") or heads)
        head = int(config.get("head_dim") or hidden // heads)
        vocabulary = int(config["vocab_size"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return {}
    modules = {
        "self_attn.q_proj": (heads * head, hidden),
        "self_attn.k_proj": (key_heads * head, hidden),
        "self_attn.v_proj": (key_heads * head, hidden),
        "self_attn.o_proj": (hidden, heads * head),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    shapes = {
        f"model.layers.{layer}.{module}": shape
        for layer in range(layers)
        for module, shape in modules.items()
    }
    return {**shapes, "model.embed_tokens": (vocabulary, hidden), "lm_head": (vocabulary, hidden)}


def _last_component(name: str) -> str:
    text = name.strip().replace("\\", "/").rstrip("/")
    cached = _HUB_CACHE.search(text)
    return cached[1] if cached else PurePosixPath(text).name or text


def _is_local_path(name: str) -> bool:
    """A hub name is `owner/model`; anything absolute, dotted or deeper is a folder on some machine."""
    text = name.replace("\\", "/")
    if _last_component(name).casefold() in _SAYS_NOTHING:
        return True
    return text.startswith(("/", "./", "../", "~")) or text.count("/") != 1 or ":/" in text


def _normalised(name: str) -> str:
    return _VARIANT.sub("", name.casefold().replace("_", "-"))
