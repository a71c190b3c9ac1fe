"""The trainer of one run, built for its method, and what is read off it afterwards.

Imports torch: see `training.recipes.batches`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console
from torch import distributed
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerState
from transformers.integrations import TensorBoardCallback

from training.config import Distillation, Method, Recipe
from training.errors import InterruptedRunError
from training.recipes.arguments import arguments_for, steps_of, tensorboard_writer
from training.recipes.averaging import AverageWeights
from training.recipes.batches import collate, row_tokens
from training.recipes.callbacks import (
    FollowEpoch,
    Interruption,
    ShowProgress,
    StopWhenDiverged,
    Throughput,
    ValidateAtEnd,
)
from training.recipes.encode import EncodedExample
from training.recipes.model import adapted, keep_activations_narrow, load_model, lora_config
from training.recipes.packing import BatchOrder, Row, packed_rows, single_rows
from training.recipes.rows import EncodedRows
from training.recipes.supervised import SupervisedTrainer, Teacher

if TYPE_CHECKING:
    from peft import PeftModel


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run happens: its folder for checkpoints, its share of the processes, its display."""

    folder: Path
    processes: int
    console: Console


class Session:
    """A trainer, ready to run once."""

    def __init__(self, recipe: Recipe, encoded: EncodedRows, tokenizer: Any, place: Place) -> None:
        self.recipe = recipe
        self.encoded = encoded
        self._rows = _rows(recipe, encoded.train)
        self.lengths = [row_tokens(row) for row in self._rows] or [
            len(pair.chosen.input_ids) + len(pair.rejected.input_ids) for pair in encoded.train_pairs
        ]
        self._tokenizer = tokenizer
        self._place = place
        self._order = BatchOrder(
            self.lengths, recipe.schedule.batch_size, processes=place.processes, seed=recipe.seed
        )
        paired = recipe.method is Method.DPO
        self.trainer: Trainer = self._preference_trainer() if paired else self._supervised_trainer()
        self.trainer.remove_callback(PrinterCallback)
        self.seconds = 0.0
        self.tokens_done = 0
        self.resumed_from: int | None = None

    @property
    def model(self) -> PeftModel:
        """The base model with its adapter."""
        return self.trainer.accelerator.unwrap_model(self.trainer.model)

    def run(self, checkpoint: Path | None, stop_after_steps: int | None) -> None:
        """Train to the end, from the beginning or a checkpoint.

        Raises:
            DivergedError: the loss is no finite number.
            InterruptedRunError: the run was stopped, and has left a checkpoint.
        """
        self.resumed_from = int(checkpoint.name.rpartition("-")[2]) if checkpoint else None
        interruption, progress = Interruption(stop_after_steps), ShowProgress(self._place.console)
        for callback in self._callbacks(interruption, progress):
            self.trainer.add_callback(callback)
        before = self.resumed_from or 0
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        try:
            self.trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        finally:
            interruption.release()
            progress.close()
        self.seconds = time.perf_counter() - started
        done = self.trainer.state.global_step
        self.tokens_done = round(self._tokens_at(self.trainer.state) * (done - before) / max(done, 1))
        if interruption.stopped_at is not None:
            raise InterruptedRunError(interruption.stopped_at)

    def close(self) -> None:
        """Leave the group of processes, if there is one."""
        if distributed.is_initialized():
            distributed.destroy_process_group()

    def _callbacks(self, interruption: Interruption, progress: ShowProgress) -> list[Any]:
        stopping = self.recipe.stopping
        watching: list[Any] = []
        if stopping is not None:
            watching = [EarlyStoppingCallback(stopping.patience, stopping.min_delta), ValidateAtEnd()]
        average = self.recipe.schedule.average_decay
        logged = self.recipe.tensorboard and self.trainer.is_world_process_zero()
        callbacks = [
            FollowEpoch(self._order),
            StopWhenDiverged(),
            Throughput(self._tokens_at),
            *watching,
            AverageWeights(average) if average is not None else None,
            TensorBoardCallback(tensorboard_writer(self.recipe)) if logged else None,
            interruption,
            progress,
        ]
        return [one for one in callbacks if one]

    def _tokens_at(self, state: TrainerState) -> int:
        return round(sum(self.lengths) * (state.epoch or 0))

    def _steps(self) -> int:
        return steps_of(self.recipe.schedule, len(self.lengths), self._place.processes)

    def _supervised_trainer(self) -> Trainer:
        recipe, encoded = self.recipe, self.encoded
        distillation = recipe.distillation or Distillation()
        teacher = None
        if distillation.teacher is not None:
            teacher = Teacher(load_model(recipe, distillation.teacher), distillation)
        validation = _rows(recipe, encoded.validation)

        def batch(rows: Sequence[Row]) -> dict[str, Any]:
            return collate(rows, self._tokenizer.pad_token_id)

        return SupervisedTrainer(
            order=self._order,
            label_smoothing=recipe.schedule.label_smoothing,
            teacher=teacher,
            model=adapted(load_model(recipe, recipe.base_model), recipe),
            args=arguments_for(recipe, self._place.folder, self._steps(), validates=bool(validation)),
            train_dataset=self._rows,
            eval_dataset=validation or None,
            data_collator=batch,
        )

    def _preference_trainer(self) -> Trainer:
        from training.recipes import preference  # noqa: PLC0415 - its libraries are for this method alone

        recipe, pairs = self.recipe, self.encoded.validation_pairs
        options = preference.preference_options(recipe)
        trainer = preference.PairTrainer(
            order=self._order,
            model=load_model(recipe, recipe.base_model),
            peft_config=lora_config(recipe.lora),
            args=arguments_for(
                recipe,
                self._place.folder,
                self._steps(),
                validates=bool(pairs),
                kind=preference.KIND,
                **options,
            ),
            train_dataset=preference.pair_rows(self.encoded.train_pairs),
            eval_dataset=preference.pair_rows(pairs) if pairs else None,
            processing_class=self._tokenizer,
        )
        keep_activations_narrow(trainer.model, recipe)
        return trainer


def _rows(recipe: Recipe, examples: Sequence[EncodedExample]) -> list[Row]:
    packs = recipe.schedule.packing
    return packed_rows(examples, recipe.schedule.max_tokens) if packs else single_rows(examples)
