"""Owns the conversion of GGUF weights to a Hugging Face folder; runs with the engine's Python."""

from __future__ import annotations

import sys
from pathlib import Path

# SmolLM2 was trained on 8,192 tokens; the GGUF file's tokenizer states no limit.
CONTEXT_TOKENS = 8192
# What a GGUF file names `smollm` and transformers does not read from it: each digit is a token of its own.
DIGITS_APART = "smollm"


def convert(source: Path, target: Path) -> None:
    """Write the weights as bfloat16 safetensors, with configuration and tokenizer beside them."""
    import tokenizers  # noqa: PLC0415 - only the engine's environment has these
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.model_max_length = CONTEXT_TOKENS
    if _pre_tokenizer(source) == DIGITS_APART:
        by_bytes = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        digits = tokenizers.pre_tokenizers.Digits(individual_digits=True)
        tokenizer.backend_tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([digits, by_bytes])
    options: dict[str, object] = {"gguf_file": source.name, "dtype": torch.bfloat16}
    if hasattr(transformers, "GgufConfig"):
        # Newer transformers keep GGUF weights packed unless told otherwise, and cannot save them then.
        options["quantization_config"] = transformers.GgufConfig(gguf_file=source.name, dequantize=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(source.parent, **options)
    model.to(torch.bfloat16).save_pretrained(target)
    tokenizer.save_pretrained(target)


def _pre_tokenizer(source: Path) -> str:
    """How the file says that text is split before its vocabulary applies."""
    import gguf  # noqa: PLC0415 - with the others

    field = gguf.GGUFReader(source).get_field("tokenizer.ggml.pre")
    return str(field.contents()) if field else ""


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
