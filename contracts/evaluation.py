"""The part of an evaluation that the gate and the registry read: what was judged, how, and the verdict."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from contracts.canonical import JsonForm, Sha256
from contracts.task import TaskName

REPORT_FILE = "evaluation-report.json"
"""The file of an adapter's folder that holds a `GateReport`."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Verdict(StrEnum):
    """How a judgement ends. No data is never a pass: it is inconclusive."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Judged(_Record):
    """One model that was evaluated: a task's candidate or its baseline.

    `adapter_digest` is the content hash of the adapter's own files, and absent for a bare base model;
    `form` names the number format of the weights as they were served (`bfloat16`, `int8`, ...).
    """

    model: str = Field(min_length=1, max_length=300)
    base_model: str = Field(min_length=1, max_length=300)
    adapter_digest: Sha256 | None = None
    form: str = Field(default="bfloat16", max_length=40)


class MetricVerdict(_Record):
    """One metric on all records or on one slice, with its 95 % interval and what it had to hold.

    `difference` is candidate minus baseline on the same records; an absent bound was not asked for. With
    `is_relative` (latency, cost) it is a part of the baseline: 0.2 is a fifth more. `p_value` is one-sided,
    for "the bound is broken", the smallest over the bounds and corrected for all metrics together.
    """

    metric: str
    slice: str = ""
    records: int = Field(ge=0)
    value: float | None = None
    low: float | None = None
    high: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    baseline_value: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    max_regression: float | None = None
    higher_is_better: bool = True
    is_relative: bool = False
    p_value: float | None = None
    verdict: Verdict
    reason: str = ""


class GateReport(_Record):
    """The verdict on one adapter version under one frozen specification.

    The file may hold more (figures, plots, mistakes) beside these fields; a reader takes these alone.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = Field(default=2, ge=2, le=2)
    task: TaskName
    task_version: str
    output_hash: str
    spec: str = Field(min_length=1, max_length=200)
    spec_sha256: Sha256
    spec_signer: str | None = None
    candidate: Judged
    baseline: Judged | None = None
    constrained: bool
    json_form: JsonForm = JsonForm.COMPACT
    records: int = Field(ge=0)
    created_at: datetime
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    metrics: tuple[MetricVerdict, ...] = ()
