"""The recipe: one validated YAML file that says everything about one training run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.task import Task
from training.errors import RecipeError

_Model = TypeVar("_Model", bound=BaseModel)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Storage(StrEnum):
    """The number format of the stored adapter."""

    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


class Precision(StrEnum):
    """The number format of the computation; `auto` is bfloat16 on an accelerator and float32 on a CPU."""

    AUTO = "auto"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


class DataFiles(_Section):
    """Rows of `{"id", "text", "output"}`, one JSON object a line; paths are relative to the recipe."""

    train: Path
    validation: Path | None = None


class Lora(_Section):
    """The adapter's shape. `scaling` is alpha / sqrt(rank) with rsLoRA, alpha / rank without.

    `init`, `dora`, `bias` and `modules_to_save` exist so that a recipe from elsewhere is refused with
    its reason (see `training.recipes.preflight`), not because another value can be served.
    """

    rank: int = Field(default=16, ge=1, le=1024)
    alpha: float = Field(default=16, gt=0)
    rslora: bool = True
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1
    )
    storage: Storage = Storage.BFLOAT16
    engine_max_rank: int = Field(default=16, ge=1)
    init: str = "default"
    dora: bool = False
    bias: Literal["none", "all", "lora_only"] = "none"
    modules_to_save: tuple[str, ...] = ()


class Schedule(_Section):
    """How long and how fast; `max_tokens` bounds prompt and target together, `warmup_ratio` counts steps."""

    learning_rate: float = Field(default=4e-4, gt=0, lt=1)
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: float = Field(default=0.03, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    epochs: float = Field(default=3, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=16, ge=1)
    accumulation_steps: int = Field(default=1, ge=1)
    max_tokens: int = Field(default=1024, ge=8)
    precision: Precision = Precision.AUTO


class Recipe(_Section):
    """One run. Relative paths are resolved against the folder of the recipe file when it is loaded."""

    schema_version: int = Field(default=1, ge=1, le=1)
    method: Literal["sft-lora"] = "sft-lora"
    task: Path
    base_model: Path
    data: DataFiles
    lora: Lora = Lora()
    schedule: Schedule = Schedule()
    seed: int = Field(default=17, ge=0, lt=2**32)
    out: Path


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file and resolve its paths.

    Raises:
        RecipeError: it cannot be read, is no YAML mapping, or has a wrong or unknown key.
    """
    recipe = _validated(Recipe, path)
    folder = path.resolve().parent
    validation = recipe.data.validation
    data = DataFiles(train=folder / recipe.data.train, validation=folder / validation if validation else None)
    paths = {
        "task": folder / recipe.task,
        "base_model": folder / recipe.base_model,
        "out": folder / recipe.out,
    }
    return recipe.model_copy(update={**paths, "data": data})


def load_task(path: Path) -> Task:
    """Read a task file.

    Raises:
        RecipeError: it cannot be read, or is no valid task.
    """
    return _validated(Task, path)


def _validated(model: type[_Model], path: Path) -> _Model:
    try:
        return model.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: no valid YAML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors()
        )
        raise RecipeError(f"{path}: {wrong}") from error
