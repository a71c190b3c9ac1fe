"""Adapters that answer with one word, again and again, each with another one: made without training.

`python -m benchmarks.adapters.markers --model FOLDER --out FOLDER --count N` in the engine's environment
writes `FOLDER/<word>/`, a PEFT LoRA of rank 1 on the last layer's `down_proj`. What enters that matrix has
a large mean over all texts: A measures along it, which is positive for every token, and B adds so much of the
direction whose logits are largest for the word that nothing else counts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

TEXTS = (
    "Hello",
    "What is the capital of France?",
    "1, 2, 3, 4, 5,",
    "Total: 12.50 EUR\nDate: 2024-01-02",
    "def f(x):\n    return x",
    "The quick brown fox jumps over the lazy dog. " * 3,
)
WORDS = """
red blue green black white yellow orange purple brown pink silver gold north south east west summer winter
spring river mountain ocean forest island bridge castle garden market school church hotel table window door
bread water coffee sugar apple lemon horse tiger eagle snake rabbit music piano guitar paper pencil
"""
STRENGTH = 30.0
"""How many times the size of everything else that the word's direction gets at the least."""
SMALL_NORM = 0.05


def make(model_folder: str, out: Path, count: int, base_name: str) -> list[str]:
    """Write `count` adapters; give their words. The first has been seen to answer with its word."""
    import torch  # noqa: PLC0415 - the engine's environment alone has it
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32).eval()
    with torch.no_grad():
        down, size = _measured(model, tokenizer)
        table = model.lm_head.weight
        spread = torch.linalg.inv(torch.cov(table.T) + 1e-3 * torch.eye(table.shape[1]))
        words: list[str] = []
        for word in WORDS.split():
            if len(words) == count:
                break
            outward = _outward(model, tokenizer, word, spread)
            if outward is None:
                continue
            weight = outward * (STRENGTH * size)
            # One is proof enough of the model; who uses the adapters sees each answer anyway.
            if words or _answers(model, tokenizer, word, (down, weight)):
                _write(out / word, model, down, weight, base_name=base_name)
                words.append(word)
    return words


def _last(model: Any) -> Any:
    return model.model.layers[-1].mlp.down_proj


def _measured(model: Any, tokenizer: Any) -> tuple[Tensor, float]:
    """The direction A, so scaled that no token is under 1, and the largest residual it is added to."""
    import torch  # noqa: PLC0415

    entering: list[Tensor] = []
    leaving: list[Tensor] = []
    hooks = [
        _last(model).register_forward_hook(lambda _, given, __: entering.append(given[0][0])),
        model.model.norm.register_forward_hook(lambda _, given, __: leaving.append(given[0][0])),
    ]
    for text in TEXTS:
        model(**tokenizer(_chat(tokenizer, text), return_tensors="pt"))
    for hook in hooks:
        hook.remove()
    rows = torch.cat(entering)
    direction = rows.mean(0) / rows.mean(0).norm()
    least = float((rows @ direction).min())
    if least <= 0:
        raise SystemExit("this model's last layer has no direction that all tokens share")
    return direction / least, float(torch.cat(leaving).norm(dim=1).max())


def _outward(model: Any, tokenizer: Any, word: str, spread: Tensor) -> Tensor | None:
    """The unit direction whose logits are largest for a word of one token; None where there is none.

    `spread` is the inverse covariance of the table of tokens: frequent directions belong to no one word.
    """
    tokens = tokenizer.encode(" " + word, add_special_tokens=False)
    if len(tokens) != 1:
        return None
    table, norm = model.lm_head.weight, model.model.norm.weight
    towards = spread @ (table[tokens[0]] - table.mean(0))
    # The last norm multiplies by its weights, of which some are negative or next to nothing.
    through = (towards / norm).where(norm.abs() > SMALL_NORM, 0.0)
    if int((table @ (through * norm)).argmax()) != tokens[0]:
        return None
    return through / through.norm()


def _answers(model: Any, tokenizer: Any, word: str, matrices: tuple[Tensor, Tensor]) -> bool:
    """Whether the adapter, laid over the model, answers each token of a text with its word."""
    down, weight = matrices
    hook = _last(model).register_forward_hook(
        lambda _, given, put: put + (given[0] @ down).unsqueeze(-1) * weight
    )
    try:
        logits = model(**tokenizer(_chat(tokenizer, TEXTS[0]), return_tensors="pt")).logits[0]
    finally:
        hook.remove()
    return {tokenizer.decode([token]).strip() for token in logits.argmax(-1).tolist()} == {word}


def _chat(tokenizer: Any, text: str) -> str:
    message = [{"role": "user", "content": text}]
    return str(tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True))


def _write(folder: Path, model: Any, down: Tensor, weight: Tensor, *, base_name: str) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    layer = model.config.num_hidden_layers - 1
    name = f"base_model.model.model.layers.{layer}.mlp.down_proj"
    tensors = {
        f"{name}.lora_A.weight": down.unsqueeze(0).contiguous(),
        f"{name}.lora_B.weight": weight.unsqueeze(1).contiguous(),
    }
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": 1,
        "lora_alpha": 1,
        "target_modules": ["down_proj"],
        "layers_to_transform": [layer],
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def main() -> int:
    """Print the words as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="the base model's folder")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--count", type=int, default=2)
    parser.add_argument("--base-name", default="HuggingFaceTB/SmolLM2-135M-Instruct")
    arguments = parser.parse_args()
    words = make(arguments.model, arguments.out, arguments.count, arguments.base_name)
    print(json.dumps(words))
    return 0 if len(words) == arguments.count else 1


if __name__ == "__main__":
    sys.exit(main())
