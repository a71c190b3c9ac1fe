"""Owns the Llama architecture's part of a GGUF file: its figures, the names and the layout of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from training.errors import PackageError

if TYPE_CHECKING:
    import gguf
    import numpy as np

ARCHITECTURE = "llama"


def check_convertible(config: Any) -> None:
    """Refuse what would be written wrongly.

    Raises:
        PackageError: another architecture than Llama, or a Llama with parts that are not converted here.
    """
    advice = "Export merged, and convert that with llama.cpp's convert_hf_to_gguf.py"
    if config.model_type != ARCHITECTURE:
        raise PackageError(
            f"architecture {config.model_type!r} is not converted to GGUF here; {ARCHITECTURE!r} is. {advice}"
        )
    kind = (config.rope_parameters or {}).get("rope_type", "default")
    if kind != "default":
        raise PackageError(f"rotary positions of type {kind!r} are not converted to GGUF here. {advice}")
    if config.attention_bias or config.mlp_bias or config.hidden_act != "silu":
        raise PackageError(
            f"a Llama with biases or another activation is not converted to GGUF here. {advice}"
        )


def add_hyperparameters(writer: gguf.GGUFWriter, config: Any) -> None:
    """Write the figures that llama.cpp builds the network from."""
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(config.head_dim)
    if config.head_dim * config.num_attention_heads != config.hidden_size:
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)


def gguf_names(config: Any, names: Mapping[str, object]) -> dict[str, str]:
    """llama.cpp's name of each weight; the head is left out where it is the embedding.

    Raises:
        PackageError: a weight that a Llama does not have.
    """
    from gguf import MODEL_ARCH, get_tensor_name_map  # noqa: PLC0415 - only in the training environment

    table = get_tensor_name_map(MODEL_ARCH.LLAMA, config.num_hidden_layers)
    found: dict[str, str] = {}
    for name in names:
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        target = table.get_name(name, try_suffixes=(".weight",))
        if target is None:
            raise PackageError(f"weight {name!r} has no place in a GGUF file of a Llama")
        found[name] = target
    return found


def laid_out(config: Any, name: str, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The rows of a weight in llama.cpp's order.

    The two halves of a head that rotary positions turn stand one after the other in transformers, and
    row by row in turn in llama.cpp; all else is the same.
    """
    module = name.removesuffix(".weight").rsplit(".", 1)[-1]
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(module)
    if heads is None:
        return rows
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
