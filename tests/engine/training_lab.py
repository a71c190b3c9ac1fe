"""Runs of the trainer on a tiny model, in one process of the engine's environment; prints what came of them.

`python training_lab.py MODEL`, in a folder with `base`, `teacher`, `stranger` (another vocabulary) and
`rows.jsonl`; MODEL is the folder of the real model. The last line is a JSON object that
tests/engine/test_training.py reads.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console

from training.config import load_recipe, load_task
from training.errors import InterruptedRunError, TrainingError
from training.recipes.batches import collate
from training.recipes.checkpoint import Start
from training.recipes.encode import encode_pairs
from training.recipes.model import adapted, load_model, load_tokenizer
from training.recipes.packing import packed_rows, single_rows
from training.recipes.preference import pair_rows
from training.recipes.report import TrainingReport
from training.recipes.rows import encode_rows, read_rows
from training.recipes.run import RunOptions, train
from training.recipes.supervised import CompletionLoss, SupervisedLogits

TASK = str(Path(__file__).parents[2] / "examples" / "tasks" / "invoice-extract.yaml")
LORA = {"rank": 4, "targets": ["q_proj", "v_proj", "down_proj"]}
SCHEDULE = {
    "learning_rate": 0.01,
    "batch_size": 2,
    "max_steps": 4,
    "max_tokens": 1024,
    "precision": "float32",
}
SHORT = {"invoice_id": "A-1", "date": None, "vendor": "Vela Ltd", "total_amount": 12.5}
QUIET = Console(quiet=True)


class Ringing(Console):
    """Interrupts the process when something is shown, as Ctrl-C in the middle of a run does."""

    def print(self, *_shown: object, **_how: Any) -> None:
        signal.raise_signal(signal.SIGINT)


def recipe_file(name: str, **more: Any) -> Path:
    """A recipe whose adapter goes to the folder `name`; sections are added to, the rest is replaced."""
    schedule, lora = {**SCHEDULE, **more.pop("schedule", {})}, {**LORA, **more.pop("lora", {})}
    values = {"task": TASK, "base_model": "base", "data": {"train": "rows.jsonl"}, "out": name, **more}
    path = Path(f"{name}.yaml")
    path.write_text(yaml.safe_dump({**values, "schedule": schedule, "lora": lora}), "utf-8")
    return path


def run(
    name: str, *, start: Start = Start.FRESH, stop: int | None = None, console: Console = QUIET, **more: Any
) -> TrainingReport:
    """Train it."""
    path = recipe_file(name, **more)
    return train(load_recipe(path), RunOptions(path, start, stop, console))


def refusal(action: Callable[[], object]) -> str:
    """What the refusal says."""
    try:
        action()
    except TrainingError as error:
        return str(error)
    return ""


def digest(name: str) -> list[str]:
    """The bytes of the adapter's two files."""
    files = ("adapter_config.json", "adapter_model.safetensors")
    return [hashlib.sha256(Path(name, file).read_bytes()).hexdigest() for file in files]


def repeatable() -> dict[str, Any]:
    """The same recipe in one go, again, and in two parts."""
    schedule = {"checkpoint_every_steps": 2, "average_decay": 0.9}
    options: dict[str, Any] = {"lora": {"dropout": 0.1}, "schedule": schedule}
    run("whole", **options)
    run("parts", **options)
    once = digest("parts")
    cut = refusal(lambda: run("parts", stop=3, **options))
    kept = digest("parts")
    left = refusal(lambda: run("parts", **options))
    other = {**options, "schedule": {**schedule, "learning_rate": 0.02}}
    foreign = refusal(lambda: run("parts", start=Start.RESUME, **other))
    resumed = run("parts", start=Start.RESUME, **options)
    return {
        "whole": digest("whole"),
        "again": once,
        "cut": cut,
        "kept": kept,
        "left": left,
        "foreign": foreign,
        "resumed": digest("parts"),
        "resumed_from": resumed.resumed_from_step,
        "folders": sorted(path.name for path in Path().glob("parts*") if path.is_dir()),
    }


def interrupted() -> dict[str, Any]:
    """Ctrl-C at the first line that is shown."""
    before = signal.getsignal(signal.SIGINT)
    try:
        run("rung", console=Ringing())
    except InterruptedRunError as error:
        checkpoints = sorted(path.name for path in Path("rung.run").glob("checkpoint-*"))
        is_same = signal.getsignal(signal.SIGINT) is before
        return {"said": str(error), "checkpoints": checkpoints, "signal_is_given_back": is_same}
    return {}


def packing() -> dict[str, Any]:
    """Losses and gradients of the same examples, packed and not."""
    recipe = load_recipe(recipe_file("packing", data={"train": "rows.jsonl"}, lora={"rank": 4}))
    task, tokenizer = load_task(recipe.task), load_tokenizer(recipe.base_model)
    examples = encode_rows(recipe, task, read_rows(recipe, task), tokenizer).train
    torch.manual_seed(0)
    model = adapted(load_model(recipe, recipe.base_model), recipe)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.1)
    logits, loss_of = SupervisedLogits(model.get_base_model()), CompletionLoss(0.0, None)

    def learn(rows: list[Any]) -> tuple[float, torch.Tensor]:
        model.zero_grad()
        batch = collate(rows, tokenizer.pad_token_id)  # type: ignore[attr-defined]
        kept, labels = batch.pop("kept"), batch.pop("labels")
        with logits.at(kept):
            loss = loss_of(model(**batch), labels, len(kept))
        loss.backward()
        return loss.item(), torch.cat([w.grad.flatten() for w in model.parameters() if w.grad is not None])

    def library_loss() -> float:
        rows = [torch.tensor([example.input_ids]) for example in examples]
        labels = [torch.tensor([example.labels]) for example in examples]
        with torch.no_grad():
            losses = [model(input_ids=r, labels=la).loss.item() for r, la in zip(rows, labels, strict=True)]
        counts = [len(example.labels) - example.prompt_tokens for example in examples]
        return sum(loss * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)

    packs = packed_rows(examples, 1024)
    (one_loss, one), (packed_loss, packed) = learn(single_rows(examples)), learn(packs)
    return {
        "rows": [len(examples), len(packs)],
        "losses": [library_loss(), one_loss, packed_loss],
        "gradient": one.norm().item(),
        "difference": (one - packed).norm().item(),
    }


def stopping() -> dict[str, Any]:
    """A gain that is asked for and never comes."""
    report = run(
        "stopping",
        data={"train": "rows.jsonl", "validation": "rows.jsonl"},
        stopping={"every_steps": 1, "patience": 2, "min_delta": 1.0},
        schedule={"learning_rate": 0.9, "max_steps": 8, "packing": True},
        tensorboard=True,
    )
    events = [path.name for path in Path("stopping.logs").iterdir()]
    return {"report": report.model_dump(mode="json"), "files": _names("stopping"), "events": events}


def distilled() -> dict[str, Any]:
    """From a teacher's distribution, and what is no teacher."""
    named = {
        "method": "distillation",
        "schedule": {"max_steps": 2, "label_smoothing": 0.1, "scheduler": "wsd"},
    }
    report = run("distilled", distillation={"teacher": "teacher", "hard_ratio": 0.0}, **named)
    itself = run("itself", distillation={"teacher": "base", "hard_ratio": 0.0}, **named)
    stranger = refusal(lambda: run("stranger-taught", distillation={"teacher": "stranger"}, **named))
    return {
        "losses": [report.loss_curve[0].loss, itself.loss_curve[0].loss],
        "teacher": report.teacher,
        "stranger": stranger,
    }


def real() -> dict[str, Any]:
    """Three steps of the real model on two short rows."""
    row = {"text": "Vela Ltd, invoice A-1, total 12.50", "output": SHORT}
    lines = [json.dumps({"id": name, **row}) + "\n" for name in ("one", "two")]
    Path("short.jsonl").write_text("".join(lines), "utf-8")
    schedule = {"max_steps": 3, "warmup_ratio": 0.0, "learning_rate": 1e-3, "precision": "auto"}
    report = run("real", base_model=sys.argv[1], data={"train": "short.jsonl"}, schedule=schedule)
    return {"losses": [point.loss for point in report.loss_curve]}


def preferred() -> dict[str, Any]:
    """Pairs whose worse answer names another vendor, once not even as JSON."""
    output = SHORT
    rows = [
        {"id": "json", "output": output, "rejected_output": {**output, "vendor": "Nobody"}},
        {"id": "text", "output": output, "rejected_output": "no idea"},
        {"id": "same", "output": output, "rejected_output": dict(reversed(output.items()))},
        {"id": "alone", "output": output},
    ]
    lines = [json.dumps({**row, "text": "Vela Ltd, invoice A-1, total 12.50"}) + "\n" for row in rows]
    Path("pairs.jsonl").write_text("".join(lines), "utf-8")
    report = run(
        "preferred",
        method="dpo",
        data={"train": "pairs.jsonl", "validation": "pairs.jsonl"},
        schedule={"learning_rate": 0.05, "max_steps": 2, "warmup_ratio": 0.0},
    )
    recipe = load_recipe(Path("preferred.yaml"))
    task, tokenizer = load_task(recipe.task), load_tokenizer(recipe.base_model)
    pairs = pair_rows(encode_pairs(task, read_rows(recipe, task).train.examples, tokenizer))
    texts = [
        [tokenizer.decode(row[part]) for part in ("prompt_ids", "chosen_ids", "rejected_ids")]  # type: ignore[attr-defined]
        for row in pairs
    ]
    return {"report": report.model_dump(mode="json"), "files": _names("preferred"), "texts": texts}


def _names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def main() -> None:
    """All of them; what a part prints goes before the last line."""
    parts = (repeatable, interrupted, packing, stopping, distilled, preferred, real)
    results: dict[str, Any] = {part.__name__: part() for part in parts}
    results["four_bits"] = refusal(lambda: run("four", quantisation="nf4"))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
