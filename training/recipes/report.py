"""The report of one training run, stored beside the adapter."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LossPoint(_Record):
    """The mean training loss since the point before."""

    step: int
    epoch: float
    loss: float
    learning_rate: float


class ValidationPoint(_Record):
    """The validation loss after a step."""

    step: int
    epoch: float
    loss: float


class PairFigures(_Record):
    """How far the answers of a pair are told apart, of the last steps (`train`) or the validation pairs.

    A reward is beta * log(probability under the adapter / under the base model); `accuracy` is the share of
    pairs whose better answer has the higher one, `margin` the mean difference.
    """

    accuracy: float
    margin: float
    chosen_reward: float
    rejected_reward: float


class TrainingReport(_Record):
    """What was trained on what, how it went and with which versions.

    `tokens_per_second` counts prompt and completion tokens without padding. `peak_memory_mb` is the
    accelerator's, and absent on a CPU. `data_sha256` is the training file's, `dataset` and `dataset_sha256`
    name a built dataset. `dropped_ids` are the first of the `dropped_examples` that were too long. The
    stored weights are those after `best_step` where the run watched the validation loss. The fields after
    `versions` came with schema version 2.
    """

    schema_version: int = Field(default=2, ge=1, le=2)
    task: str
    task_version: str
    base_model: str
    method: str
    examples: int
    supervised_tokens: int
    longest_example_tokens: int
    data_sha256: str
    seed: int
    steps: int
    epochs: float
    tokens: int
    seconds: float
    tokens_per_second: float
    trained_parameters: int
    final_loss: float
    validation_loss: float | None
    loss_curve: tuple[LossPoint, ...]
    device: str
    peak_memory_mb: int | None
    adapter_bytes: int
    versions: dict[str, str]
    output_hash: str = ""
    json_form: str = "compact"
    dataset: str = ""
    dataset_sha256: str = ""
    sources: dict[str, int] = Field(default_factory=dict)
    rows: int = 0
    dropped_examples: int = 0
    dropped_ids: tuple[str, ...] = ()
    quantisation: str = "none"
    precision: str = ""
    processes: int = 1
    teacher: str = ""
    validation_examples: int = 0
    validation_curve: tuple[ValidationPoint, ...] = ()
    best_step: int | None = None
    stopped_early: bool = False
    resumed_from_step: int | None = None
    train_pairs: PairFigures | None = None
    validation_pairs: PairFigures | None = None
