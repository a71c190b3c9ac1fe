"""Owns a byte-level BPE tokenizer's part of a GGUF file: vocabulary, merges, marks and the splitting rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from training.errors import PackageError
from training.package._model import load_tokenizer

if TYPE_CHECKING:
    import gguf
    from transformers import PreTrainedTokenizerBase

_DIGITS: Final = {"type": "Digits", "individual_digits": True}
_BYTES: Final = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
SPLITTING_RULES: Final = {"smollm": (_DIGITS, _BYTES), "gpt-2": (_BYTES,)}
"""llama.cpp's name of each rule by which text is cut before BPE, with the same rule as tokenizer.json has it.

The name is found by what the tokenizer does, not by what the model is called: the adapter learned on these
cuts, and a rule that cuts otherwise gives other tokens.
"""


def add_tokenizer(writer: gguf.GGUFWriter, base: Path, vocabulary_size: int) -> None:
    """Write everything that llama.cpp needs to tokenise as the base model does.

    Raises:
        PackageError: the tokenizer is of a kind that is not converted here.
    """
    parts = _parts(base)
    tokenizer = load_tokenizer(base)
    tokens, types = _vocabulary(parts, vocabulary_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_splitting_rule(base, parts))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(_merges(parts))
    writer.add_add_space_prefix(False)
    _add_marks(writer, tokenizer)
    if isinstance(tokenizer.chat_template, str):
        writer.add_chat_template(tokenizer.chat_template)


def _parts(base: Path) -> dict[str, Any]:
    path = base / "tokenizer.json"
    try:
        parts = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise PackageError(f"{path}: cannot be read: {error}") from error
    model = parts.get("model", {})
    if model.get("type") != "BPE" or model.get("byte_fallback") or parts.get("normalizer"):
        raise PackageError(
            f"{path}: a tokenizer of type {model.get('type')!r} with a normalizer or byte fallback is not "
            f"converted to GGUF here; byte-level BPE is"
        )
    return dict(parts)


def _splitting_rule(base: Path, parts: dict[str, Any]) -> str:
    stated = parts.get("pre_tokenizer") or {}
    steps = stated.get("pretokenizers", []) if stated.get("type") == "Sequence" else [stated]
    for name, rule in SPLITTING_RULES.items():
        if len(rule) == len(steps) and all(_is(one, two) for one, two in zip(steps, rule, strict=True)):
            return name
    raise PackageError(
        f"{base / 'tokenizer.json'}: its way of cutting text is not converted to GGUF here; "
        f"those of {', '.join(SPLITTING_RULES)} are. Export merged, and convert that with llama.cpp"
    )


def _is(step: dict[str, Any], rule: dict[str, Any]) -> bool:
    return all(step.get(key) == value for key, value in rule.items())


def _vocabulary(parts: dict[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Tokens and their types in the order of their ids; rows of the embedding without a token are unused."""
    from gguf import TokenType  # noqa: PLC0415 - only in the training environment

    tokens = [f"[PAD{at}]" for at in range(size)]
    types = [int(TokenType.UNUSED)] * size
    added = [(one["id"], one["content"], bool(one["special"])) for one in parts.get("added_tokens", ())]
    largest = max([*parts["model"]["vocab"].values(), *(at for at, _, _ in added)])
    if largest >= size:
        raise PackageError(f"the tokenizer has token {largest}; the model's vocabulary has {size} tokens")
    for token, at in parts["model"]["vocab"].items():
        tokens[at], types[at] = token, int(TokenType.NORMAL)
    for at, token, is_special in added:
        tokens[at] = token
        types[at] = int(TokenType.CONTROL if is_special else TokenType.USER_DEFINED)
    return tokens, types


def _merges(parts: dict[str, Any]) -> list[str]:
    """One text a merge; tokenizer.json has them as such or, in its newer form, as pairs."""
    return [one if isinstance(one, str) else " ".join(one) for one in parts["model"]["merges"]]


def _add_marks(writer: gguf.GGUFWriter, tokenizer: PreTrainedTokenizerBase) -> None:
    for add, at in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_eos_token_id, tokenizer.eos_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        if at is not None:
            add(at)
    plain = tokenizer.encode("a", add_special_tokens=False)
    marked = tokenizer.encode("a")
    writer.add_add_bos_token(len(marked) > len(plain) and marked[0] == tokenizer.bos_token_id)
    writer.add_add_eos_token(len(marked) > len(plain) and marked[-1] == tokenizer.eos_token_id)
