"""Supervised fine-tuning of a LoRA adapter with transformers and PEFT."""

from __future__ import annotations

import importlib
import importlib.metadata
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.config import Precision, Recipe, load_task
from training.data.examples import Dataset, read_dataset
from training.errors import DivergedError, MissingLibraryError
from training.recipes.encode import IGNORED_LABEL, EncodedExample, encode_examples
from training.recipes.preflight import check_lengths, check_recipe
from training.recipes.report import LossPoint, TrainingReport
from training.recipes.store import REPORT_FILE, store_adapter

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import Trainer, TrainerState, TrainingArguments

LIBRARIES = ("torch", "transformers", "peft", "accelerate")


@dataclass(frozen=True, slots=True)
class _Encoded:
    train: list[EncodedExample]
    validation: list[EncodedExample]
    pad_id: int


def train(recipe: Recipe) -> TrainingReport:
    """Train the recipe's adapter and write its folder; everything is checked before the model is loaded.

    Raises:
        TrainingError: the recipe, its data or this environment will not do (see `training.errors`).
    """
    check_recipe(recipe)
    task = load_task(recipe.task)
    dataset = read_dataset(recipe.data.train, task.output)
    validation = read_dataset(recipe.data.validation, task.output) if recipe.data.validation else None
    require_libraries()
    from transformers import AutoTokenizer, set_seed  # noqa: PLC0415 - only in the training environment

    tokenizer = AutoTokenizer.from_pretrained(recipe.base_model)
    encoded = _Encoded(
        train=encode_examples(task, dataset.examples, tokenizer),
        validation=encode_examples(task, validation.examples, tokenizer) if validation else [],
        pad_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
    )
    check_lengths([*encoded.train, *encoded.validation], recipe.schedule.max_tokens)
    set_seed(recipe.seed)
    model = _adapted_model(recipe)
    trainer = _trainer(recipe, model, encoded)
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    size = store_adapter(model, recipe, task.base_model)
    report = _report(recipe, dataset, encoded, trainer).model_copy(
        update={
            "task": task.name,
            "task_version": task.version,
            "base_model": task.base_model,
            "seconds": round(seconds, 1),
            "tokens_per_second": round(_tokens_seen(encoded.train, trainer) / seconds, 1),
            "adapter_bytes": size,
        }
    )
    (recipe.out / REPORT_FILE).write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
    return report


def require_libraries() -> None:
    """Refuse to go on where the training environment is not installed.

    Raises:
        MissingLibraryError: naming the first library that is absent.
    """
    for library in LIBRARIES:
        try:
            importlib.import_module(library)
        except ModuleNotFoundError as error:
            raise MissingLibraryError(library) from error


def _adapted_model(recipe: Recipe) -> PeftModel:
    import torch  # noqa: PLC0415
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    kind = torch.bfloat16 if _in_bfloat16(recipe) else torch.float32
    base = AutoModelForCausalLM.from_pretrained(recipe.base_model, dtype=kind)
    base.config.use_cache = False
    lora = recipe.lora
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,
        use_rslora=lora.rslora,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        bias="none",
        init_lora_weights="gaussian" if lora.init == "gaussian" else True,
    )
    return get_peft_model(base, config)


def _in_bfloat16(recipe: Recipe) -> bool:
    import torch  # noqa: PLC0415

    precision = recipe.schedule.precision
    return precision is Precision.BFLOAT16 or (precision is Precision.AUTO and torch.cuda.is_available())


def _trainer(recipe: Recipe, model: PeftModel, encoded: _Encoded) -> Trainer:
    from transformers import Trainer, TrainerCallback  # noqa: PLC0415

    class StopWhenDiverged(TrainerCallback):  # type: ignore[misc]  # the library is absent from the light environment
        def on_log(self, _args: object, state: TrainerState, _control: object, **_more: object) -> None:
            latest = state.log_history[-1]
            if not all(math.isfinite(float(latest.get(key, 0))) for key in ("loss", "grad_norm")):
                raise DivergedError(state.global_step)

    def collate(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return _padded(rows, encoded.pad_id)

    return Trainer(
        model=model,
        args=_arguments(recipe),
        train_dataset=_rows(encoded.train),
        eval_dataset=_rows(encoded.validation) or None,
        data_collator=collate,
        callbacks=[StopWhenDiverged()],
    )


def _arguments(recipe: Recipe) -> TrainingArguments:
    import torch  # noqa: PLC0415
    from transformers import TrainingArguments  # noqa: PLC0415

    schedule, on_gpu = recipe.schedule, torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(recipe.out),
        seed=recipe.seed,
        data_seed=recipe.seed,
        learning_rate=schedule.learning_rate,
        lr_scheduler_type=schedule.scheduler,
        warmup_steps=schedule.warmup_ratio,
        weight_decay=schedule.weight_decay,
        max_grad_norm=schedule.max_grad_norm,
        num_train_epochs=schedule.epochs,
        max_steps=schedule.max_steps or -1,
        per_device_train_batch_size=schedule.batch_size,
        per_device_eval_batch_size=schedule.batch_size,
        gradient_accumulation_steps=schedule.accumulation_steps,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        bf16=_in_bfloat16(recipe),
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
        logging_steps=10,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        report_to="none",
    )


def _rows(examples: Sequence[EncodedExample]) -> list[dict[str, Any]]:
    return [{"input_ids": list(one.input_ids), "labels": list(one.labels)} for one in examples]


def _padded(rows: Sequence[dict[str, Any]], pad_id: int) -> dict[str, Any]:
    """One batch, padded on the right: a fully masked position on the left has NaN gradients in bfloat16.

    The model computes logits for the last `logits_to_keep` positions alone, from the one before the
    first completion on: with a vocabulary this much wider than the hidden state, logits over the
    prompts would take most of the time and memory.
    """
    import torch  # noqa: PLC0415

    width = -(-max(len(row["input_ids"]) for row in rows) // 8) * 8
    prompt = min(row["labels"].count(IGNORED_LABEL) for row in rows)
    kept = width - prompt + 1

    def stack(key: str, filler: int) -> torch.Tensor:
        return torch.tensor([row[key] + [filler] * (width - len(row[key])) for row in rows])

    mask = torch.tensor([[int(at < len(row["input_ids"])) for at in range(width)] for row in rows])
    return {
        "input_ids": stack("input_ids", pad_id),
        "attention_mask": mask,
        "labels": stack("labels", IGNORED_LABEL)[:, -kept:],
        "logits_to_keep": kept,
    }


def _tokens_seen(examples: Sequence[EncodedExample], trainer: Trainer) -> int:
    return round(sum(len(one.input_ids) for one in examples) * (trainer.state.epoch or 0))


def _report(recipe: Recipe, dataset: Dataset, encoded: _Encoded, trainer: Trainer) -> TrainingReport:
    """The report but for what the caller knows: task, time and size."""
    import torch  # noqa: PLC0415

    on_gpu = torch.cuda.is_available()
    curve = tuple(
        LossPoint(
            step=row["step"],
            epoch=round(row["epoch"], 4),
            loss=row["loss"],
            learning_rate=row["learning_rate"],
        )
        for row in trainer.state.log_history
        if "loss" in row
    )
    final = next(row["train_loss"] for row in reversed(trainer.state.log_history) if "train_loss" in row)
    return TrainingReport(
        task="",
        task_version="",
        base_model="",
        method=recipe.method,
        examples=len(encoded.train),
        supervised_tokens=sum(label != IGNORED_LABEL for one in encoded.train for label in one.labels),
        longest_example_tokens=max(len(one.input_ids) for one in encoded.train),
        data_sha256=dataset.sha256,
        seed=recipe.seed,
        steps=trainer.state.global_step,
        epochs=round(trainer.state.epoch or 0, 4),
        tokens=_tokens_seen(encoded.train, trainer),
        seconds=0,
        tokens_per_second=0,
        trained_parameters=sum(one.numel() for one in trainer.model.parameters() if one.requires_grad),
        final_loss=curve[-1].loss if curve else final,
        validation_loss=trainer.evaluate()["eval_loss"] if encoded.validation else None,
        loss_curve=curve,
        device=torch.cuda.get_device_name(0) if on_gpu else f"CPU ({platform.machine()})",
        peak_memory_mb=torch.cuda.max_memory_allocated() // 2**20 if on_gpu else None,
        adapter_bytes=0,
        versions={
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
        },
    )
