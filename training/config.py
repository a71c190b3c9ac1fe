"""The recipe: one validated YAML file that says everything about one training run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from contracts.canonical import Sha256
from contracts.task import Task
from training.errors import RecipeError
from training.yaml_files import read_yaml


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Method(StrEnum):
    """What is learnt from: outputs, preferences between two outputs, or a teacher's distribution."""

    SFT = "sft"
    DPO = "dpo"
    DISTILLATION = "distillation"


class Quantisation(StrEnum):
    """How the frozen base weights are held in memory; `nf4` is QLoRA's four bits."""

    NONE = "none"
    NF4 = "nf4"


class Storage(StrEnum):
    """The number format of the stored adapter."""

    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


class Precision(StrEnum):
    """The number format of the computation.

    `auto` is bfloat16 where the hardware multiplies it (an accelerator, a CPU with AMX), else float32.
    """

    AUTO = "auto"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


class Overlong(StrEnum):
    """What happens to an example that is longer than `schedule.max_tokens`: it is never cut."""

    REFUSE = "refuse"
    DROP = "drop"


class DataFiles(_Section):
    """Either the folder of a built dataset, or files of rows `{"id", "text", "output"}`.

    `dataset_sha256` pins the dataset's digest. Paths are relative to the recipe.
    """

    dataset: Path | None = None
    dataset_sha256: Sha256 | None = None
    train: Path | None = None
    validation: Path | None = None
    overlong: Overlong = Overlong.REFUSE

    @model_validator(mode="after")
    def _is_one_of_both(self) -> DataFiles:
        if (self.dataset is None) == (self.train is None):
            raise ValueError("name either a built dataset's folder as 'dataset', or a file as 'train'")
        if self.dataset is not None and self.validation is not None:
            raise ValueError("a built dataset has its own validation split; leave 'validation' out")
        if self.dataset is None and self.dataset_sha256 is not None:
            raise ValueError("'dataset_sha256' pins a built dataset; there is none")
        return self


class Lora(_Section):
    """The adapter's shape. `scaling` is alpha / sqrt(rank) with rsLoRA, alpha / rank without.

    `engine_max_rank` is the pool's limit (`--max-lora-rank`). The fields from `dora` on exist so that a
    recipe from elsewhere is refused with its reason (see `training.recipes.preflight`), not because
    another value can be served; `init` likewise has values that are refused.
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
    lora_bias: bool = False
    modules_to_save: tuple[str, ...] = ()
    trainable_token_indices: tuple[int, ...] = ()
    layer_replication: tuple[tuple[int, int], ...] = ()
    alora_invocation_tokens: tuple[int, ...] = ()
    bdlora: bool = False
    qalora: bool = False


class Schedule(_Section):
    """How long and how fast.

    `max_tokens` bounds prompt and target together. `packing` fills each row of a batch with as many whole
    examples as fit in `max_tokens`; `batch_size` then counts rows. `warmup_ratio` and `decay_ratio` (of
    `wsd`: warm-up, stable, decay) are shares of all steps. `batch_size` is per process.
    `average_decay` stores an exponential moving average of the weights (0.99 to 0.999) in the place of the
    last ones. `deterministic` asks the libraries for the same bits on every run.
    """

    learning_rate: float = Field(default=4e-4, gt=0, lt=1)
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup", "wsd"] = "cosine"
    warmup_ratio: float = Field(default=0.03, ge=0, lt=1)
    decay_ratio: float = Field(default=0.2, gt=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    average_decay: float | None = Field(default=None, gt=0, lt=1)
    max_grad_norm: float = Field(default=1.0, gt=0)
    epochs: float = Field(default=3, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=16, ge=1)
    accumulation_steps: int = Field(default=1, ge=1)
    max_tokens: int = Field(default=1024, ge=8)
    packing: bool = False
    precision: Precision = Precision.AUTO
    gradient_checkpointing: bool = False
    deterministic: bool = True
    checkpoint_every_steps: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _has_room(self) -> Schedule:
        if self.scheduler == "wsd" and self.warmup_ratio + self.decay_ratio > 1:
            raise ValueError("warmup_ratio and decay_ratio are more than all steps together")
        return self


class Stopping(_Section):
    """Ends the run when the validation loss stops falling; the best weights are the ones stored.

    The loss is taken every `every_steps`; the run ends after `patience` evaluations in a row that are not
    lower than the best by more than `min_delta`. A checkpoint is written at each evaluation.
    """

    every_steps: int = Field(default=50, ge=1)
    patience: int = Field(default=3, ge=1)
    min_delta: float = Field(default=0.0, ge=0)


class Preference(_Section):
    """DPO: `beta` weighs staying near the base model; the reference is the base model itself."""

    beta: float = Field(default=0.1, gt=0)
    loss: Literal["sigmoid", "hinge", "ipo"] = "sigmoid"


class Distillation(_Section):
    """Learning from a teacher.

    With `teacher` (a Hugging Face folder with the same vocabulary) the loss is
    `hard_ratio` * cross-entropy + (1 - `hard_ratio`) * `temperature`^2 * KL(teacher || student) on the
    completion's tokens (Hinton et al., 2015). Without it the rows are the teacher's answers already: each
    must name it in `source`.
    """

    teacher: Path | None = None
    temperature: float = Field(default=2.0, gt=0, le=20)
    hard_ratio: float = Field(default=0.5, ge=0, lt=1)


class Recipe(_Section):
    """One run. Relative paths are resolved against the folder of the recipe file when it is loaded.

    Recipes of schema version 1 mean the same here; version 2 added what stands after `data`'s files.
    `base_model_sha256` pins the base model's weight files, as an adapter's provenance names them, and
    `base_licence` states their licence where the base model's folder does not.
    """

    schema_version: int = Field(default=2, ge=1, le=2)
    method: Method = Method.SFT
    quantisation: Quantisation = Quantisation.NONE
    task: Path
    base_model: Path
    base_model_sha256: Sha256 | None = None
    base_licence: str = Field(default="", max_length=200)
    data: DataFiles
    lora: Lora = Lora()
    schedule: Schedule = Schedule()
    stopping: Stopping | None = None
    preference: Preference | None = None
    distillation: Distillation | None = None
    tensorboard: bool = False
    seed: int = Field(default=17, ge=0, lt=2**32)
    out: Path

    @field_validator("method", mode="before")
    @classmethod
    def _renamed(cls, method: object) -> object:
        """Version 1 called it `sft-lora`."""
        return Method.SFT.value if method == "sft-lora" else method

    @model_validator(mode="after")
    def _belongs_together(self) -> Recipe:
        if self.preference is not None and self.method is not Method.DPO:
            raise ValueError("'preference' belongs to the method dpo")
        if self.distillation is not None and self.method is not Method.DISTILLATION:
            raise ValueError("'distillation' belongs to the method distillation")
        if self.stopping is not None and self.schedule.average_decay is not None:
            raise ValueError("schedule.average_decay: 'stopping' stores the best weights, not their average")
        if self.method is Method.DPO and self.schedule.packing:
            raise ValueError("schedule.packing: the two answers of a pair are compared, not packed")
        if self.stopping is not None and self.data.dataset is None and self.data.validation is None:
            raise ValueError("'stopping' watches the validation loss; data.validation is missing")
        if self.stopping is not None and self.schedule.checkpoint_every_steps is not None:
            raise ValueError(
                "schedule.checkpoint_every_steps: 'stopping' writes a checkpoint at each evaluation"
            )
        return self


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file and resolve its paths.

    Raises:
        RecipeError: it cannot be read, is no YAML mapping, or has a wrong or unknown key.
    """
    recipe = read_yaml(Recipe, path, RecipeError)
    folder = path.resolve().parent

    def resolved(file: Path | None) -> Path | None:
        return folder / file if file else None

    data = recipe.data
    files = {"dataset": data.dataset, "train": data.train, "validation": data.validation}
    update: dict[str, object] = {
        "task": folder / recipe.task,
        "base_model": folder / recipe.base_model,
        "out": folder / recipe.out,
        "data": data.model_copy(update={name: resolved(file) for name, file in files.items()}),
    }
    if recipe.distillation is not None:
        teacher = {"teacher": resolved(recipe.distillation.teacher)}
        update["distillation"] = recipe.distillation.model_copy(update=teacher)
    return recipe.model_copy(update=update)


def load_task(path: Path) -> Task:
    """Read a task file.

    Raises:
        RecipeError: it cannot be read, or is no valid task.
    """
    return read_yaml(Task, path, RecipeError)
