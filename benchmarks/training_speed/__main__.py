"""Training speed beside plain TRL: `python -m benchmarks.training_speed RECIPE`.

Trains the recipe's rows with Firstline's trainer and with TRL's SFTTrainer, unpacked and packed, in turns
in one process: same rows, batch size, optimiser, number format, adapter, maximum length and sampling by
length. Tokens are counted without padding, after some steps of warm-up. Ends with one line of JSON and
exits 0 only when Firstline is at least as fast in both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.training_speed.base import random_base
from benchmarks.training_speed.measured import Measured
from benchmarks.training_speed.ours import train_ours
from benchmarks.training_speed.plain_trl import train_trl
from training.config import DataFiles, Recipe, load_recipe, load_task
from training.recipes.model import load_tokenizer
from training.recipes.rows import encode_rows, read_rows


def main() -> int:
    """Train in turns, and compare the middle rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--base", type=Path, help="the base model's folder, in place of the recipe's")
    parser.add_argument("--data", type=Path, help="a file of training rows, in place of the recipe's")
    parser.add_argument("--random-base", action="store_true", help="random weights of the base's config.json")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["unpacked", "packed"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        recipe = _recipe(given, Path(scratch))
        shapes = [given.only] if given.only else ["unpacked", "packed"]
        line = {shape: _compare(recipe, shape == "packed", given, Path(scratch)) for shape in shapes}
    ok = all(figures["ratio"] >= 1.0 for figures in line.values())
    print(json.dumps({"check": "training_speed", "ok": ok, "device": _device(), **line}))
    return 0 if ok else 1


def _recipe(given: argparse.Namespace, scratch: Path) -> Recipe:
    recipe = load_recipe(given.recipe)
    update: dict[str, object] = {"base_model": given.base or recipe.base_model}
    if given.data:
        update["data"] = DataFiles(train=given.data)
    if given.random_base:
        update["base_model"] = random_base(given.base or recipe.base_model, scratch / "base")
    return recipe.model_copy(update=update)


def _compare(recipe: Recipe, packed: bool, given: argparse.Namespace, scratch: Path) -> dict[str, object]:
    steps = given.warmup + given.steps
    schedule = recipe.schedule.model_copy(
        update={"packing": packed, "max_steps": steps, "accumulation_steps": 1}
    )
    recipe = recipe.model_copy(update={"schedule": schedule, "stopping": None, "out": scratch / "out"})
    task = load_task(recipe.task)
    tokenizer = load_tokenizer(recipe.base_model)
    rows = read_rows(recipe, task)
    encoded = encode_rows(recipe, task, rows, tokenizer)
    examples = [one for one in rows.train.examples if one.id not in encoded.dropped]
    ours: list[Measured] = []
    plain: list[Measured] = []
    for number in range(given.rounds):
        ours.append(train_ours(recipe, encoded, tokenizer, given.warmup))
        plain.append(train_trl(recipe, task, examples, tokenizer, given.warmup))
        print(f"round {number}: {ours[-1]} against {plain[-1]}", file=sys.stderr)
    return {
        "firstline_tokens_per_second": _middle(ours),
        "trl_tokens_per_second": _middle(plain),
        "ratio": round(_middle(ours) / _middle(plain), 3),
        "firstline_memory_mb": max(one.memory_mb for one in ours),
        "trl_memory_mb": max(one.memory_mb for one in plain),
        "firstline_loss": ours[-1].loss,
        "trl_loss": plain[-1].loss,
    }


def _middle(rounds: Sequence[Measured]) -> float:
    return round(statistics.median(one.tokens_per_second for one in rounds), 1)


def _device() -> str:
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"


if __name__ == "__main__":
    sys.exit(main())
