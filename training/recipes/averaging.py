"""A running average of the adapter's weights, stored in the place of the last ones.

Imports transformers: see `training.recipes.batches`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerState

AVERAGE_FILE: Final = "weight-average.safetensors"
"""Stands in each checkpoint, so that a resumed run goes on with the same average."""


class AverageWeights(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Keeps an exponential moving average of the trained weights, and puts it into the model at the end.

    Polyak and Juditsky (1992); the decay grows as (1 + t) / (10 + t) up to `decay`, so that the first
    steps do not weigh on the result. Every process keeps the same average.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._average: dict[str, torch.Tensor] = {}
        self._steps = 0

    def on_train_begin(self, args: Any, state: TrainerState, _control: object, **more: Any) -> None:
        """Begin with the weights as they are, or with what the checkpoint holds."""
        stored = Path(args.output_dir) / f"checkpoint-{state.global_step}" / AVERAGE_FILE
        weights = _trained(more["model"])
        self._steps = state.global_step
        if state.global_step and stored.is_file():
            kept = load_file(stored)
            self._average = {name: kept[name].to(weight.device) for name, weight in weights.items()}
        else:
            self._average = {name: weight.detach().float().clone() for name, weight in weights.items()}

    def on_step_end(self, _args: Any, _state: TrainerState, _control: object, **more: Any) -> None:
        """Take in the weights of one step."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for name, weight in _trained(more["model"]).items():
            self._average[name].lerp_(weight.detach().float(), 1 - decay)

    def on_save(self, args: Any, state: TrainerState, _control: object, **_more: Any) -> None:
        """Store the average beside the checkpoint."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero and folder.is_dir():
            save_file({name: one.cpu() for name, one in self._average.items()}, folder / AVERAGE_FILE)

    def on_train_end(self, _args: Any, _state: TrainerState, _control: object, **more: Any) -> None:
        """Put the average into the model."""
        with torch.no_grad():
            for name, weight in _trained(more["model"]).items():
                weight.copy_(self._average[name].to(weight.dtype))


def _trained(model: Any) -> dict[str, torch.nn.Parameter]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
