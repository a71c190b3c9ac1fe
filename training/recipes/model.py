"""The base model and the adapter beside it. Imports torch: see `training.recipes.batches`."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import logging

from training.config import Lora, Precision, Quantisation, Recipe
from training.errors import QuantisationError, RecipeError, VocabularyError
from training.recipes.encode import ChatTokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from peft import PeftModel
    from transformers import PreTrainedModel


def in_bfloat16(recipe: Recipe) -> bool:
    """Whether the run computes in bfloat16."""
    precision = recipe.schedule.precision
    return precision is Precision.BFLOAT16 or (precision is Precision.AUTO and _multiplies_bfloat16())


logging.disable_progress_bar()  # the run has a display of its own


def check_quantisation(recipe: Recipe) -> None:
    """Refuse four bits where they cannot be computed with.

    Raises:
        QuantisationError: the library or the accelerator is missing.
    """
    if recipe.quantisation is Quantisation.NONE:
        return
    missing = []
    if importlib.util.find_spec("bitsandbytes") is None:
        missing.append("the library bitsandbytes is not installed (pip install 'firstline[qlora]')")
    if not torch.cuda.is_available():
        missing.append("there is no CUDA accelerator")
    if missing:
        raise QuantisationError(
            f"quantisation: {recipe.quantisation.value} is not possible here: {'; '.join(missing)}. "
            "Use 'quantisation: none'"
        )


def check_teacher(recipe: Recipe, tokenizer: ChatTokenizer) -> None:
    """Refuse a teacher whose logits stand for other tokens than the student's.

    Raises:
        VocabularyError: token ids or the width of the logits differ.
        RecipeError: the teacher's folder cannot be read.
    """
    folder = recipe.distillation.teacher if recipe.distillation else None
    if folder is None:
        return
    teacher, student = load_tokenizer(folder), tokenizer
    if _vocabulary(teacher) != _vocabulary(student):
        raise VocabularyError(
            f"{folder}: its tokens are not those of {recipe.base_model.name}; take a teacher of the same "
            "family, or train on the teacher's answers (distillation without 'teacher')"
        )
    widths = [AutoConfig.from_pretrained(one).vocab_size for one in (folder, recipe.base_model)]
    if widths[0] != widths[1]:
        raise VocabularyError(f"{folder}: its logits have {widths[0]} places, the student's {widths[1]}")


def load_tokenizer(folder: Path) -> ChatTokenizer:
    """The tokenizer of a model folder.

    Raises:
        RecipeError: the folder has none, or it has no chat template.
    """
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{folder}: its tokenizer cannot be read: {error}") from error
    if not tokenizer.chat_template:
        raise RecipeError(f"{folder}: its tokenizer has no chat template")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer  # type: ignore[no-any-return]  # the library has no types


def load_model(recipe: Recipe, folder: Path) -> PreTrainedModel:
    """A base model or a teacher, in the run's number format, without a cache.

    Raises:
        RecipeError: the folder holds no causal language model that can be read.
    """
    kind = torch.bfloat16 if in_bfloat16(recipe) else torch.float32
    options: dict[str, Any] = {"dtype": kind, "local_files_only": True}
    if recipe.quantisation is Quantisation.NF4:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        options["device_map"] = {"": torch.cuda.current_device()}
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise RecipeError(f"{folder}: cannot be loaded as a causal language model: {error}") from error
    model.config.use_cache = False
    if recipe.quantisation is Quantisation.NF4:
        checkpointing = recipe.schedule.gradient_checkpointing
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing)
    return model


def lora_config(lora: Lora) -> LoraConfig:
    """The adapter as PEFT wants it written."""
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,
        use_rslora=lora.rslora,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        bias="none",
        init_lora_weights=True if lora.init == "default" else lora.init,
    )


def adapted(base: PreTrainedModel, recipe: Recipe) -> PeftModel:
    """The base model, frozen, with the recipe's adapter beside it."""
    model = get_peft_model(base, lora_config(recipe.lora))
    keep_activations_narrow(model, recipe)
    if recipe.schedule.gradient_checkpointing:
        model.enable_input_require_grads()
    return model


def keep_activations_narrow(model: PeftModel, recipe: Recipe) -> None:
    """Let autocast narrow the adapter's float32 weights, in place of PEFT widening every activation.

    The weights stay float32 for the optimiser; the products are the same bfloat16 ones either way.
    """
    if not in_bfloat16(recipe):
        return
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.cast_input_dtype_enabled = False


def _vocabulary(tokenizer: Any) -> dict[str, int]:
    return dict(tokenizer.get_vocab())


def _multiplies_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("amx_bf16"))
