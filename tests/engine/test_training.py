"""Training in the engine's environment: tiny random models, the real tokenizer, the engine's own check."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from launcher.layout import checkout_root, layout_from

BASES = ("base", "teacher", "stranger")
ROOT = checkout_root()
LAYOUT = layout_from(os.environ)
PYTHON = Path(os.environ.get("FIRSTLINE_TEST_ENGINE_PYTHON", LAYOUT.engine_venv / "bin" / "python"))
FILES = ["adapter_config.json", "adapter_model.safetensors", "recipe.yaml", "training-report.json"]
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")

RECIPE = """
task: {root}/examples/tasks/invoice-extract.yaml
base_model: base
data: {{train: rows.jsonl, validation: rows.jsonl}}
lora: {{rank: 4, targets: [q_proj, v_proj, down_proj]}}
schedule: {{learning_rate: {learning_rate}, batch_size: 2, max_steps: {steps}, max_tokens: 1024}}
out: adapter
"""

MAKE_BASES = """
import sys, torch, transformers
config = transformers.LlamaConfig(
    vocab_size=49152, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, max_position_embeddings=2048, tie_word_embeddings=True)
for seed, folder in enumerate(sys.argv[1:]):
    torch.manual_seed(seed)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
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
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
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


def _swap_two_tokens(tokenizer_file: Path) -> None:
    tokenizer = json.loads(tokenizer_file.read_text("utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    one, other = list(vocabulary)[1000:1002]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    tokenizer_file.write_text(json.dumps(tokenizer), "utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An adapter trained for two steps on four rows."""
    folder = tmp_path_factory.mktemp("training")
    _engine_python(folder, "-c", MAKE_BASES, *BASES)
    for base, name in itertools.product(BASES, TOKENIZER_FILES):
        shutil.copyfile(LAYOUT.model / name, folder / base / name)
    _swap_two_tokens(folder / "stranger" / "tokenizer.json")
    invoices = ("-m", "training.commands.data", "invoices", "--count", "4", "--seed", "1", "--split", "train")
    _engine_python(folder, *invoices, "--out", "rows.jsonl")
    (folder / "recipe.yaml").write_text(RECIPE.format(root=ROOT, learning_rate=1e-3, steps=2), "utf-8")
    _engine_python(folder, "-m", "training.commands.train", "recipe.yaml")
    lines = (folder / "rows.jsonl").read_text("utf-8").splitlines()
    return Run(folder, [json.loads(line) for line in lines])


@pytest.fixture(scope="module")
def lab(run: Run) -> dict[str, Any]:
    """What came of several runs on the same rows."""
    done = _engine_python(run.folder, str(Path(__file__).with_name("training_lab.py")), str(LAYOUT.model))
    results: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return results


def test_the_folder_holds_adapter_recipe_and_report(run: Run) -> None:
    assert {path.name for path in (run.folder / "adapter").iterdir()} >= set(FILES)
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
    assert not list(run.folder.glob("*diverged*"))


def test_the_same_recipe_gives_the_same_bytes(lab: dict[str, Any]) -> None:
    assert lab["repeatable"]["whole"] == lab["repeatable"]["again"]


def test_a_run_in_two_parts_gives_the_bytes_of_a_run_in_one(lab: dict[str, Any]) -> None:
    assert "stopped after step 3" in lab["repeatable"]["cut"]
    assert lab["repeatable"]["resumed"] == lab["repeatable"]["whole"]
    assert lab["repeatable"]["resumed_from"] == 3


def test_a_run_that_was_stopped_leaves_the_adapter_before_it_as_it_was(lab: dict[str, Any]) -> None:
    assert lab["repeatable"]["kept"] == lab["repeatable"]["again"]
    assert lab["repeatable"]["folders"] == ["parts", "parts.previous"]


def test_checkpoints_are_neither_lost_nor_taken_for_another_recipes(lab: dict[str, Any]) -> None:
    assert "holds checkpoint-3 of a run that was not finished" in lab["repeatable"]["left"]
    assert "its checkpoints are of another run" in lab["repeatable"]["foreign"]


def test_ctrl_c_leaves_a_checkpoint(lab: dict[str, Any]) -> None:
    (checkpoint,) = lab["interrupted"]["checkpoints"]
    assert f"stopped after step {checkpoint.rpartition('-')[2]};" in lab["interrupted"]["said"]
    assert lab["interrupted"]["signal_is_given_back"]


def test_packed_examples_give_the_loss_and_the_gradient_of_single_ones(lab: dict[str, Any]) -> None:
    packing = lab["packing"]
    assert packing["rows"] == [4, 2]
    assert packing["losses"] == pytest.approx([packing["losses"][0]] * 3, rel=1e-5)
    assert packing["difference"] < 1e-5 * packing["gradient"]


def test_a_run_stops_when_the_validation_loss_stays_and_stores_the_best_weights(lab: dict[str, Any]) -> None:
    report = lab["stopping"]["report"]
    curve = {point["step"]: point["loss"] for point in report["validation_curve"]}
    assert report["stopped_early"]
    assert (report["steps"], sorted(curve)) == (3, [1, 2, 3])
    assert report["best_step"] == min(curve, key=curve.__getitem__)
    assert report["validation_loss"] == curve[report["best_step"]]


def test_event_files_are_written_outside_of_the_adapter(lab: dict[str, Any]) -> None:
    assert lab["stopping"]["files"] == FILES
    assert [name for name in lab["stopping"]["events"] if name.startswith("events.out.tfevents")]


def test_a_student_learns_from_a_teacher_with_the_same_tokens_alone(lab: dict[str, Any]) -> None:
    from_teacher, from_itself = lab["distilled"]["losses"]
    assert from_teacher > 1e-3
    assert from_itself == pytest.approx(0, abs=1e-5)
    assert lab["distilled"]["teacher"] == "teacher"
    assert "its tokens are not those of base" in lab["distilled"]["stranger"]


def test_preference_training_tells_the_answers_of_a_pair_apart(lab: dict[str, Any]) -> None:
    report = lab["preferred"]["report"]
    assert (report["method"], report["examples"], report["steps"]) == ("dpo", 2, 2)
    assert report["validation_pairs"]["accuracy"] == 1.0
    assert report["validation_pairs"]["margin"] > 0
    assert lab["preferred"]["files"] == FILES


def test_pairs_are_encoded_as_they_are_served(lab: dict[str, Any]) -> None:
    target = '{"invoice_id":"A-1","date":null,"vendor":"Vela Ltd","total_amount":12.5}<|im_end|>'
    (first, second) = lab["preferred"]["texts"]
    assert first[0].endswith("Vela Ltd, invoice A-1, total 12.50<|im_end|>\n<|im_start|>assistant\n")
    assert first[1:] == [target, target.replace("Vela Ltd", "Nobody")]
    assert second[1:] == [target, "no idea<|im_end|>"]


def test_four_bits_without_an_accelerator_are_refused(lab: dict[str, Any]) -> None:
    assert "nf4 is not possible here" in lab["four_bits"]
    assert "no CUDA accelerator" in lab["four_bits"]


def test_the_real_model_learns(lab: dict[str, Any]) -> None:
    first, *_, last = lab["real"]["losses"]
    assert 3 > first > last


def test_two_processes_train_together_and_one_writes(run: Run) -> None:
    _engine_python(
        run.folder,
        *("-m", "training.commands.train", "recipe.yaml", "--out", "together", "--processes", "2"),
    )
    report = json.loads((run.folder / "together" / "training-report.json").read_text("utf-8"))
    assert (report["processes"], report["steps"], report["epochs"]) == (2, 2, 2.0)
    assert {path.name for path in (run.folder / "together").iterdir()} >= set(FILES)
