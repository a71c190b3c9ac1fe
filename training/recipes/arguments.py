"""The recipe's schedule in the words of the Trainer. Imports torch: see `training.recipes.batches`."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import TrainingArguments, set_seed

from training.config import Recipe, Schedule
from training.recipes.model import in_bfloat16

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_LOGS_A_RUN: Final = 20
_LOG_EVERY_STEPS: Final = 10
_SCHEDULERS: Final = {"wsd": "warmup_stable_decay"}


def make_repeatable(recipe: Recipe) -> None:
    """Seed every source of chance, and ask for algorithms that give the same bits again."""
    set_seed(recipe.seed)
    if not recipe.schedule.deterministic:
        return
    # Read when CUDA's matrix library starts, which has not happened yet.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing reads it; filling takes time
    torch.backends.cudnn.benchmark = False


def steps_of(schedule: Schedule, rows: int, processes: int) -> int:
    """How many optimiser steps the run has."""
    batches = -(-rows // (schedule.batch_size * processes))
    per_epoch = -(-batches // schedule.accumulation_steps)
    return schedule.max_steps or math.ceil(schedule.epochs * per_epoch)


def arguments_for(
    recipe: Recipe, folder: Path, steps: int, *, validates: bool, kind: Any = TrainingArguments, **more: Any
) -> Any:
    """Arguments of a run of so many steps, with checkpoints in `folder`; `kind` may be a subclass."""
    schedule, on_gpu = recipe.schedule, torch.cuda.is_available()
    arguments = kind(
        output_dir=str(folder),
        seed=recipe.seed,
        data_seed=recipe.seed,
        learning_rate=schedule.learning_rate,
        lr_scheduler_type=_SCHEDULERS.get(schedule.scheduler, schedule.scheduler),
        lr_scheduler_kwargs=_scheduler_options(schedule, steps),
        warmup_steps=schedule.warmup_ratio,
        weight_decay=schedule.weight_decay,
        max_grad_norm=schedule.max_grad_norm,
        optim="adamw_torch_fused",
        num_train_epochs=schedule.epochs,
        max_steps=schedule.max_steps or -1,
        per_device_train_batch_size=schedule.batch_size,
        per_device_eval_batch_size=schedule.batch_size,
        gradient_accumulation_steps=schedule.accumulation_steps,
        gradient_checkpointing=schedule.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        remove_unused_columns=False,
        label_names=["labels"],
        bf16=in_bfloat16(recipe),
        use_cpu=not on_gpu,
        **_together(on_gpu),
        dataloader_pin_memory=on_gpu,
        logging_steps=max(1, min(_LOG_EVERY_STEPS, steps // _LOGS_A_RUN)),
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        **_keeping(recipe, validates=validates),
        **more,
    )
    if arguments.n_gpu > 1:
        # One process is one device: without this the library would split each batch over all of them.
        arguments._n_gpu = 1  # noqa: SLF001 - the library has no other switch
    return arguments


def tensorboard_writer(recipe: Recipe) -> SummaryWriter:
    """Writes event files to `<out>.logs`, outside of what is registered."""
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - only where the recipe asks for it

    return SummaryWriter(log_dir=str(recipe.out.with_name(f"{recipe.out.name}.logs")))


def _together(on_gpu: bool) -> dict[str, Any]:
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return {}
    return {"ddp_backend": "nccl" if on_gpu else "gloo", "ddp_find_unused_parameters": False}


def _scheduler_options(schedule: Schedule, steps: int) -> dict[str, Any]:
    if schedule.scheduler != "wsd":
        return {}
    return {"num_decay_steps": max(1, round(schedule.decay_ratio * steps))}


def _keeping(recipe: Recipe, *, validates: bool) -> dict[str, Any]:
    """When to evaluate and when to write a checkpoint."""
    if recipe.stopping is not None:
        return {
            "eval_strategy": "steps",
            "eval_steps": recipe.stopping.every_steps,
            "save_strategy": "steps",
            "save_steps": recipe.stopping.every_steps,
            "save_total_limit": 2,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
            "restore_callback_states_from_checkpoint": True,
        }
    every = recipe.schedule.checkpoint_every_steps
    saving = {"save_strategy": "steps", "save_steps": every, "save_total_limit": 2}
    return {
        "eval_strategy": "epoch" if validates else "no",
        **(saving if every is not None else {"save_strategy": "no"}),
    }
