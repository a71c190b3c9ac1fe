"""The report of one training run, stored beside the adapter."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class LossPoint(BaseModel):
    """The mean training loss since the point before."""

    model_config = ConfigDict(frozen=True)

    step: int
    epoch: float
    loss: float
    learning_rate: float


class TrainingReport(BaseModel):
    """What was trained on what, how it went and with which versions.

    `tokens_per_second` counts prompt and completion tokens without padding. `peak_memory_mb` is the
    accelerator's, and absent on a CPU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
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
