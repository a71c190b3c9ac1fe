"""Run by the engine's Python for test_export.py: exports adapters and prints as JSON what the exports do."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peft
import tokenizers
import torch
import transformers
from gguf import GGUFReader
from safetensors.torch import load_file

from contracts.prompt import render_prompt
from training.config import load_recipe, load_task
from training.errors import PackageError
from training.package._model import load_adapted, load_tokenizer
from training.package.adapter import read_adapter
from training.package.build import write_package
from training.package.export_gguf import gguf, gguf_adapter, gguf_q8
from training.package.export_merged import merged
from training.package.probe import make_probe
from training.recipes.encode import messages_of

TEXT = "Invoice 17,  total  12.50 EUR\n"
SHAPE = {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.2,
}
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
TEMPLATE = (
    "{% for one in messages %}<|im_start|>{{ one.role }}\n{{ one.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ADAPTER, BASE, RECIPE_FILE = Path("adapter"), Path("base"), Path("recipe.yaml")


def make(task: Path) -> None:
    """A random base model with an adapter on all its linear layers, and a model of another architecture."""
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SHAPE))
    model.save_pretrained(BASE)
    lora = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=4,
        lora_alpha=8,
        use_rslora=True,
        init_lora_weights=False,
        target_modules=LINEAR,
    )
    peft.get_peft_model(model, lora).save_pretrained(ADAPTER)
    _tokenizer().save_pretrained(BASE)
    transformers.Qwen2Config(**SHAPE).save_pretrained("qwen")
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copyfile(BASE / name, Path("qwen", name))
    facts = {"invoice_id": "17", "date": None, "vendor": None, "total_amount": 12.5}
    rows = [{"id": str(at), "text": f"Invoice 17-{at}, total 12.50", "output": facts} for at in range(3)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    RECIPE_FILE.write_text(
        f"task: {task}\nbase_model: base\ndata: {{train: rows.jsonl}}\nout: adapter\n", "utf-8"
    )


def _tokenizer() -> Any:
    """Byte-level BPE over a few words, cut as SmolLM2 cuts text: each digit alone."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    digits = tokenizers.pre_tokenizers.Digits(individual_digits=True)
    letters = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([digits, letters])
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(["the invoice of the vendor has a total, an id and a date in the text"], trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        unk_token="<|endoftext|>",
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        chat_template=TEMPLATE,
    )


def tiny() -> dict[str, Any]:
    same = _packaged() == _packaged()
    tokenizer = load_tokenizer(BASE)
    adapted = load_adapted(read_adapter(ADAPTER), BASE)
    expected, logits = _answer(adapted, tokenizer)
    with adapted.disable_adapter():
        bare, _ = _answer(adapted, tokenizer)
    file = gguf(ADAPTER, BASE, Path("out"))
    exports = {
        "merged": transformers.AutoModelForCausalLM.from_pretrained(merged(ADAPTER, BASE, Path("merged"))),
        "f16": _from_gguf(file),
        "q8_0": _from_gguf(gguf_q8(ADAPTER, BASE, Path("eighth.gguf"))),
    }
    answers = {name: _answer(model, tokenizer) for name, model in exports.items()}
    reader = GGUFReader(file)
    return {
        "same": same,
        "changes": expected != bare,
        "alike": {name: written == expected for name, (written, _) in answers.items()},
        "apart": {
            name: float((one - logits).abs().max() / logits.abs().max()) for name, (_, one) in answers.items()
        },
        "lora_gap": _lora_gap(reader),
        "known": {
            key: field.contents() if len(field.data) == 1 else len(field.data)
            for key, field in reader.fields.items()
        },
        "tokens": reader.fields["tokenizer.ggml.tokens"].contents()[: len(tokenizer)]
        == tokenizer.convert_ids_to_tokens(range(len(tokenizer))),
        "types": reader.fields["tokenizer.ggml.token_type"].contents(),
        "template": reader.fields["tokenizer.chat_template"].contents() == tokenizer.chat_template,
        "rule_of_bytes_alone": _rule_of_bytes_alone(),
        "again": _refusal(lambda: merged(ADAPTER, BASE, Path("merged"))),
        "architecture": _refusal(lambda: gguf(ADAPTER, Path("qwen"), Path("qwen.gguf"))),
        "left": sorted(path.name for path in Path().iterdir()),
    }


def _rule_of_bytes_alone() -> str:
    """The rule in the file of a base model whose tokenizer does not cut digits."""
    other = Path("bytes-alone")
    shutil.copytree(BASE, other)
    parts = json.loads((other / "tokenizer.json").read_bytes())
    parts["pre_tokenizer"] = parts["pre_tokenizer"]["pretokenizers"][1]
    (other / "tokenizer.json").write_text(json.dumps(parts))
    return str(GGUFReader(gguf(ADAPTER, other, Path("b.gguf"))).fields["tokenizer.ggml.pre"].contents())


def real(package: Path, base: Path, task_file: Path, text: str) -> dict[str, Any]:
    task = load_task(task_file)
    tokenizer = load_tokenizer(base)
    messages = messages_of(render_prompt(task, text))
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    adapted = load_adapted(read_adapter(package), base)
    whole = transformers.AutoModelForCausalLM.from_pretrained(merged(package, base, Path("real")))
    probe = make_probe(read_adapter(package), base, task, [text])
    return {
        "adapted": _written(adapted, tokenizer, prompt),
        "merged": _written(whole, tokenizer, prompt),
        "probe": probe.model_dump(mode="json") if probe else None,
        "files": sorted(path.name for path in Path("real").iterdir()),
    }


def _packaged() -> dict[str, bytes]:
    recipe = load_recipe(RECIPE_FILE)
    task = load_task(recipe.task)
    write_package(ADAPTER, recipe_file=RECIPE_FILE, recipe=recipe, task=task, base_licence="mit")
    # The checkout may be changed between two runs, which is not what is asked here.
    code = str(json.loads((ADAPTER / "provenance.json").read_bytes())["code_version"]).encode()
    return {path.name: path.read_bytes().replace(code, b"code") for path in ADAPTER.iterdir()}


def _answer(model: Any, tokenizer: Any) -> tuple[list[int], torch.Tensor]:
    ids = tokenizer.encode(TEXT, add_special_tokens=False, return_tensors="pt")
    with torch.inference_mode():
        written = _generated(model, ids, 12)
        return written.tolist(), model(input_ids=ids).logits[0].float()


def _written(model: Any, tokenizer: Any, prompt: str) -> str:
    ids = tokenizer.encode(prompt, add_special_tokens=False, return_tensors="pt")
    return str(tokenizer.decode(_generated(model, ids, 64)[ids.shape[1] :], skip_special_tokens=True))


def _generated(model: Any, ids: torch.Tensor, tokens: int) -> torch.Tensor:
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        written = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=2
        )
    return written[0]


def _from_gguf(file: Path) -> Any:
    packed = transformers.GgufConfig(gguf_file=file.name, dequantize=True)
    return transformers.AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, quantization_config=packed
    )


def _lora_gap(whole: GGUFReader) -> float:
    """How far the base model's weights plus the GGUF adapter are from the merged GGUF weights."""
    lora = GGUFReader(gguf_adapter(ADAPTER, BASE, Path("lora.gguf")))
    factors, merged_weights = _tensors(lora), _tensors(whole)
    alpha = lora.fields["adapter.lora.alpha"].contents()
    bare = load_file(BASE / "model.safetensors")
    gaps = []
    for name, source, heads in (
        ("blk.0.attn_q", "layers.0.self_attn.q_proj", SHAPE["num_attention_heads"]),
        ("blk.1.attn_k", "layers.1.self_attn.k_proj", SHAPE["num_key_value_heads"]),
        ("blk.1.ffn_down", "layers.1.mlp.down_proj", None),
    ):
        rows = bare[f"model.{source}.weight"].numpy()
        if heads:  # the two halves of a head in turn, as llama.cpp wants them
            rows = rows.reshape(heads, 2, -1, rows.shape[1]).transpose(0, 2, 1, 3).reshape(rows.shape)
        change = alpha / 4 * factors[f"{name}.weight.lora_b"] @ factors[f"{name}.weight.lora_a"]
        gaps.append(float(np.abs(rows + change - merged_weights[f"{name}.weight"]).max()))
    return max(gaps)


def _tensors(reader: GGUFReader) -> dict[str, np.ndarray[Any, Any]]:
    return {one.name: np.array(one.data, dtype=np.float32) for one in reader.tensors}


def _refusal(act: Callable[[], Path]) -> str:
    try:
        act()
    except PackageError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    package_folder, base_folder, task_path, invoice = sys.argv[1:]
    make(Path(task_path))
    figures = {
        "tiny": tiny(),
        "real": real(Path(package_folder), Path(base_folder), Path(task_path), invoice),
    }
    print(json.dumps(figures))
