"""Owns the conversion of GGUF weights to a Hugging Face folder; runs with the engine's Python."""

from __future__ import annotations

import sys
from pathlib import Path

# SmolLM2 was trained on 8,192 tokens; the GGUF file's tokenizer states no limit.
CONTEXT_TOKENS = 8192


def convert(source: Path, target: Path) -> None:
    """Write the weights as bfloat16 safetensors, with configuration and tokenizer beside them."""
    import torch  # noqa: PLC0415 - only the engine's environment has these
    import transformers  # noqa: PLC0415

    tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.model_max_length = CONTEXT_TOKENS
    options: dict[str, object] = {"gguf_file": source.name, "dtype": torch.bfloat16}
    if hasattr(transformers, "GgufConfig"):
        # Newer transformers keep GGUF weights packed unless told otherwise, and cannot save them then.
        options["quantization_config"] = transformers.GgufConfig(gguf_file=source.name, dequantize=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(source.parent, **options)
    model.to(torch.bfloat16).save_pretrained(target)
    tokenizer.save_pretrained(target)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
