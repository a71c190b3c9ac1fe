"""One round of Firstline's own trainer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.training_speed.measured import Measured, measure
from training.config import Recipe
from training.recipes.arguments import make_repeatable
from training.recipes.batches import row_tokens
from training.recipes.rows import EncodedRows
from training.recipes.session import Place, Session


def train_ours(recipe: Recipe, encoded: EncodedRows, tokenizer: Any, warmup: int) -> Measured:
    """As `firstline train` does it, with the recipe's own choice of deterministic algorithms."""
    make_repeatable(recipe)
    place = Place(Path(os.devnull).parent, 1, Console(quiet=True))
    session = Session(recipe, encoded, tokenizer, place)
    try:
        return measure(session.trainer, warmup, lambda rows, _batch: sum(map(row_tokens, rows)))
    finally:
        torch.use_deterministic_algorithms(False)
