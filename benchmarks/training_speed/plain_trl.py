"""One round of TRL's SFTTrainer, as its documentation sets it up for completion-only training."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, set_seed
from transformers.trainer_callback import PrinterCallback
from trl import SFTConfig, SFTTrainer

from benchmarks.training_speed.measured import Measured, measure
from contracts.prompt import render_prompt
from contracts.task import Task
from training.config import Recipe
from training.data.examples import Example
from training.recipes.encode import messages_of, target_text
from training.recipes.model import in_bfloat16, lora_config


def train_trl(
    recipe: Recipe, task: Task, examples: Sequence[Example], tokenizer: Any, warmup: int
) -> Measured:
    """The same rows and settings; deterministic algorithms are off, as TRL has them."""
    set_seed(recipe.seed)
    schedule = recipe.schedule
    rows = [
        {
            "prompt": messages_of(render_prompt(task, example.text)),
            "completion": [{"role": "assistant", "content": target_text(task, example.output)}],
        }
        for example in examples
    ]
    kind = torch.bfloat16 if in_bfloat16(recipe) else torch.float32
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SFTConfig(
            output_dir=scratch,
            max_length=schedule.max_tokens,
            packing=schedule.packing,
            completion_only_loss=True,
            per_device_train_batch_size=schedule.batch_size,
            max_steps=schedule.max_steps,
            learning_rate=schedule.learning_rate,
            lr_scheduler_type=schedule.scheduler,
            warmup_steps=schedule.warmup_ratio,
            weight_decay=schedule.weight_decay,
            max_grad_norm=schedule.max_grad_norm,
            optim="adamw_torch_fused",
            bf16=in_bfloat16(recipe),
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
            gradient_checkpointing=schedule.gradient_checkpointing,
            train_sampling_strategy="random" if schedule.packing else "group_by_length",
            seed=recipe.seed,
            logging_steps=10,
            disable_tqdm=True,
            save_strategy="no",
            report_to="none",
        )
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(recipe.base_model, dtype=kind),
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=lora_config(recipe.lora),
        )
        trainer.remove_callback(PrinterCallback)
        return measure(trainer, warmup, lambda _rows, batch: _tokens(batch))


def _tokens(batch: Any) -> int:
    """A packed batch is one row without padding, and has no mask."""
    if "attention_mask" in batch:
        return int(batch["attention_mask"].sum())
    return int(batch["input_ids"].numel())
