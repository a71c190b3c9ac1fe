"""What one training round is measured by: tokens without padding, between two steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import Trainer, TrainerCallback


@dataclass(frozen=True)
class Measured:
    """One round; `loss` is the mean over the measured steps and the warm-up."""

    tokens_per_second: float
    memory_mb: int
    loss: float


class _Clock(TrainerCallback):
    def __init__(self, warmup: int) -> None:
        self._warmup = warmup
        self.begun = self.ended = 0.0

    def on_step_end(self, _args: object, state: Any, _control: object, **_more: object) -> None:
        if state.global_step in (self._warmup, state.max_steps):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.begun = self.begun or time.perf_counter()
            self.ended = time.perf_counter()


def measure(trainer: Trainer, warmup: int, tokens_of: Callable[[Any, Any], int]) -> Measured:
    """Run a trainer to its end. `tokens_of` counts the tokens of one batch, from rows and tensors."""
    counts: list[int] = []
    collate = trainer.data_collator

    def counting(rows: Sequence[Any]) -> Any:
        batch = collate(rows)
        counts.append(tokens_of(rows, batch))
        return batch

    trainer.data_collator = counting
    clock = _Clock(warmup)
    trainer.add_callback(clock)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    loss = trainer.train().training_loss
    # The loader collates one batch ahead, so batches are counted by their place.
    tokens = sum(counts[warmup : trainer.state.global_step])
    memory = torch.cuda.max_memory_allocated() // 2**20 if torch.cuda.is_available() else 0
    return Measured(round(tokens / (clock.ended - clock.begun), 1), memory, round(loss, 4))
