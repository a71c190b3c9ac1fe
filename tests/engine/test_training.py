"""Training in the engine's environment: a tiny random Llama, the real tokenizer, the engine's own check."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from launcher.layout import checkout_root, layout_from

ROOT = checkout_root()
LAYOUT = layout_from(os.environ)
PYTHON = Path(os.environ.get("FIRSTLINE_TEST_ENGINE_PYTHON", LAYOUT.engine_venv / "bin" / "python"))
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")

RECIPE = """
task: {root}/examples/tasks/invoice-extract.yaml
base_model: base
data: {{train: rows.jsonl, validation: rows.jsonl}}
lora: {{rank: 4, targets: [q_proj, v_proj, down_proj]}}
schedule: {{learning_rate: {learning_rate}, batch_size: 2, max_steps: {steps}, max_tokens: 1024}}
out: adapter
"""

MAKE_BASE = """
import sys, torch, transformers
torch.manual_seed(0)
config = transformers.LlamaConfig(
    vocab_size=49152, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, max_position_embeddings=2048, tie_word_embeddings=True)
transformers.LlamaForCausalLM(config).save_pretrained(sys.argv[1])
"""

JUDGE = """
import json, sys
from pathlib import Path
from transformers import AutoTokenizer
from vllm.config.lora import LoRAConfig
from vllm.lora.peft_helper import PEFTHelper
from training.config import load_task
from training.data.examples import read_dataset
from training.recipes.encode import IGNORED_LABEL, encode_examples
folder, task_file = Path(sys.argv[1]), Path(sys.argv[2])
PEFTHelper.from_local_dir(str(folder / "adapter"), 2048).validate_legal(LoRAConfig(max_lora_rank=16))
task = load_task(task_file)
rows = read_dataset(folder / "rows.jsonl", task.output).examples
tokenizer = AutoTokenizer.from_pretrained(folder / "base")
pairs = []
for encoded in encode_examples(task, rows, tokenizer):
    masked = [one for one, label in zip(encoded.input_ids, encoded.labels) if label == IGNORED_LABEL]
    learned = [label for label in encoded.labels if label != IGNORED_LABEL]
    pairs.append([tokenizer.decode(masked), tokenizer.decode(learned)])
print(json.dumps(pairs))
"""


@dataclass(frozen=True)
class Run:
    folder: Path
    rows: list[dict[str, object]]


def _engine_python(
    folder: Path, *arguments: str, must_succeed: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [str(PYTHON), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0 or not must_succeed, done.stderr[-3000:]
    return done


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An adapter trained for two steps on four rows."""
    folder = tmp_path_factory.mktemp("training")
    _engine_python(folder, "-c", MAKE_BASE, "base")
    for name in TOKENIZER_FILES:
        shutil.copyfile(LAYOUT.model / name, folder / "base" / name)
    invoices = ("-m", "training.commands.data", "invoices", "--count", "4", "--seed", "1", "--split", "train")
    _engine_python(folder, *invoices, "--out", "rows.jsonl")
    (folder / "recipe.yaml").write_text(RECIPE.format(root=ROOT, learning_rate=1e-3, steps=2), "utf-8")
    _engine_python(folder, "-m", "training.commands.train", "recipe.yaml")
    lines = (folder / "rows.jsonl").read_text("utf-8").splitlines()
    return Run(folder, [json.loads(line) for line in lines])


def test_the_folder_holds_adapter_recipe_and_report(run: Run) -> None:
    names = {path.name for path in (run.folder / "adapter").iterdir()}
    assert names == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "recipe.yaml",
        "training-report.json",
    }
    assert (run.folder / "adapter" / "recipe.yaml").read_bytes() == (run.folder / "recipe.yaml").read_bytes()


def test_the_configuration_names_the_base_model_and_no_path(run: Run) -> None:
    text = (run.folder / "adapter" / "adapter_config.json").read_text("utf-8")
    config = json.loads(text)
    assert config["base_model_name_or_path"] == "smollm2-135m"
    assert config["target_modules"] == ["down_proj", "q_proj", "v_proj"]
    assert (config["r"], config["use_rslora"], config["bias"]) == (4, True, "none")
    assert str(run.folder) not in text


def test_the_weights_are_trained(run: Run) -> None:
    header = (run.folder / "adapter" / "adapter_model.safetensors").read_bytes()
    assert b'"BF16"' in header
    report = json.loads((run.folder / "adapter" / "training-report.json").read_text("utf-8"))
    assert (report["examples"], report["steps"], report["task"]) == (4, 2, "invoice-extract")
    assert report["validation_loss"] > 0
    assert report["adapter_bytes"] == len(header)
    assert report["tokens_per_second"] > 0


def test_the_engine_would_load_it_and_the_loss_is_on_the_completion_alone(run: Run) -> None:
    task = str(ROOT / "examples" / "tasks" / "invoice-extract.yaml")
    judged = _engine_python(run.folder, "-c", JUDGE, str(run.folder), task)
    pairs = json.loads(judged.stdout.splitlines()[-1])
    for row, (masked, learned) in zip(run.rows, pairs, strict=True):
        target = json.dumps(row["output"], ensure_ascii=False, separators=(",", ":"))
        assert learned == target + "<|im_end|>"
        assert masked.startswith("<|im_start|>system\nExtract the invoice fields as JSON.")
        assert masked.endswith(f"<|im_start|>user\n{row['text']}<|im_end|>\n<|im_start|>assistant\n")


def test_a_run_that_diverges_stops_and_stores_nothing(run: Run) -> None:
    recipe = RECIPE.format(root=ROOT, learning_rate=0.5, steps=40).replace("out: adapter", "out: diverged")
    broken = load_file(run.folder / "base" / "model.safetensors")
    shutil.copytree(run.folder / "base", run.folder / "broken")
    save_file(
        {name: array * float("nan") for name, array in broken.items()},
        run.folder / "broken" / "model.safetensors",
        metadata={"format": "pt"},
    )
    (run.folder / "diverging.yaml").write_text(recipe, "utf-8")
    done = _engine_python(
        run.folder,
        *("-m", "training.commands.train", "diverging.yaml", "--base", "broken", "--max-steps", "10"),
        must_succeed=False,
    )
    assert done.returncode == 1
    assert "not finite" in " ".join(done.stderr.split())
    assert not (run.folder / "diverged" / "adapter_model.safetensors").exists()
