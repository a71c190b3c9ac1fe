"""What is read off a trainer that has ended. Imports torch: see `training.recipes.batches`."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

from contracts.task import Task
from training.recipes.encode import IGNORED_LABEL, EncodedExample
from training.recipes.model import in_bfloat16
from training.recipes.report import LossPoint, PairFigures, TrainingReport, ValidationPoint
from training.recipes.rows import EncodedRows, Rows
from training.recipes.session import Session

_LIBRARIES: Final = ("torch", "transformers", "peft", "accelerate", "trl", "bitsandbytes")
_NAMED_IDS: Final = 100


def report_of(session: Session, task: Task, rows: Rows) -> TrainingReport:
    """The report but for `adapter_bytes`. Every process calls it: they may have to validate together."""
    state, recipe = session.trainer.state, session.recipe
    if recipe.schedule.average_decay is not None and session.trainer.eval_dataset is not None:
        session.trainer.evaluate()  # the average has taken the place of the weights that were validated last
    log: list[dict[str, Any]] = state.log_history
    best = state.best_global_step if recipe.stopping else None
    validations = [row for row in log if "eval_loss" in row]
    stored: dict[str, Any] = next((row for row in reversed(validations) if best in (None, row["step"])), {})
    curve = tuple(
        LossPoint(**_point(row), learning_rate=row["learning_rate"]) for row in log if "loss" in row
    )
    final = next(row["train_loss"] for row in reversed(log) if "train_loss" in row)
    return TrainingReport(
        task=task.name,
        task_version=task.version,
        output_hash=task.output_hash,
        base_model=task.base_model,
        method=recipe.method.value,
        quantisation=recipe.quantisation.value,
        precision="bfloat16" if in_bfloat16(recipe) else "float32",
        seed=recipe.seed,
        steps=state.global_step,
        epochs=round(state.epoch or 0, 4),
        tokens=session.tokens_done,
        seconds=round(session.seconds, 1),
        tokens_per_second=round(session.tokens_done / max(session.seconds, 1e-9), 1),
        trained_parameters=sum(one.numel() for one in session.model.parameters() if one.requires_grad),
        final_loss=curve[-1].loss if curve else final,
        validation_loss=stored.get("eval_loss"),
        validation_curve=tuple(ValidationPoint(**_point(row, "eval_loss")) for row in validations),
        loss_curve=curve,
        best_step=best,
        stopped_early=state.global_step < state.max_steps,
        resumed_from_step=session.resumed_from,
        train_pairs=_pairs(next((row for row in reversed(log) if _PAIR in row), {})),
        validation_pairs=_pairs({name.removeprefix("eval_"): value for name, value in stored.items()}),
        adapter_bytes=0,
        **_machine(session),
        **_of_rows(session.encoded, rows),
        rows=len(session.lengths),
        teacher=recipe.distillation.teacher.name
        if recipe.distillation and recipe.distillation.teacher
        else "",
    )


def _of_rows(encoded: EncodedRows, rows: Rows) -> dict[str, Any]:
    train = encoded.train or _both(encoded)
    return {
        "examples": len(encoded.train) or len(encoded.train_pairs),
        "validation_examples": len(encoded.validation) or len(encoded.validation_pairs),
        "supervised_tokens": sum(label != IGNORED_LABEL for one in train for label in one.labels),
        "longest_example_tokens": max(len(one.input_ids) for one in train),
        "data_sha256": rows.train.sha256,
        "dataset": rows.name,
        "dataset_sha256": rows.digest,
        "sources": rows.sources,
        "dropped_examples": len(encoded.dropped),
        "dropped_ids": encoded.dropped[:_NAMED_IDS],
    }


def _both(encoded: EncodedRows) -> Sequence[EncodedExample]:
    return [one for pair in encoded.train_pairs for one in (pair.chosen, pair.rejected)]


def _machine(session: Session) -> dict[str, Any]:
    on_gpu = torch.cuda.is_available()
    name = torch.cuda.get_device_name(torch.cuda.current_device()) if on_gpu else None
    return {
        "device": name or f"CPU ({platform.machine()})",
        "peak_memory_mb": torch.cuda.max_memory_allocated() // 2**20 if on_gpu else None,
        "processes": session.trainer.args.world_size,
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _point(row: Mapping[str, Any], loss: str = "loss") -> dict[str, Any]:
    return {"step": row["step"], "epoch": round(row["epoch"], 4), "loss": row[loss]}


_PAIR: Final = "rewards/accuracies"


def _pairs(row: Mapping[str, float]) -> PairFigures | None:
    if _PAIR not in row:
        return None
    return PairFigures(
        accuracy=row[_PAIR],
        margin=row["rewards/margins"],
        chosen_reward=row["rewards/chosen"],
        rejected_reward=row["rewards/rejected"],
    )
