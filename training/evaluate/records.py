"""The records of an evaluation's report, `evaluation-report.json`; `GateReport` reads the same file."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from contracts.canonical import JsonForm, Sha256
from contracts.evaluation import GateReport, Judged

MAX_MISTAKES: Final = 40
LATENCY_STEPS: Final = tuple(range(0, 101, 5))
"""Percentiles of `ModelReport.latency_curve`."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateRow(_Record):
    """A share with its 95 % interval."""

    correct: int
    total: int
    rate: float
    low: float
    high: float


class F1Row(_Record):
    """Precision, recall and F1 from counts; a ratio without a denominator is absent."""

    true_positives: int
    false_positives: int
    false_negatives: int
    precision: float | None
    recall: float | None
    f1: float | None


class Figure(_Record):
    """One metric's value with its interval; `records` is how many records it could be measured on."""

    value: float | None
    low: float | None = None
    high: float | None = None
    records: int = Field(ge=0)


class SliceRow(_Record):
    """The figures of one part of the data; `figures` is by metric."""

    records: int
    fields_exact: RateRow
    records_exact: RateRow
    figures: dict[str, Figure] = Field(default_factory=dict)


class Classification(_Record):
    """Figures by class, and what was answered: `confusion[gold][answer]`, "" for no label."""

    classes: dict[str, F1Row]
    confusion: dict[str, dict[str, int]]


class Mistake(_Record):
    """A wrong answer, for reading."""

    id: str
    group: str
    expected: Any
    got: str | None
    error: str = ""


class ModelReport(_Record):
    """One model's figures. `fields_exact` counts fields; its interval resamples whole records.

    `role` is `candidate`, `baseline` or another run's name (`candidate free`: without the grammar).
    `figures` holds every metric on all records by its name, `by_slice[...].figures` the same on a slice.
    `schema_valid` judges what the model wrote before any repair. `latency_curve` holds the percentiles
    `LATENCY_STEPS` in seconds.
    """

    model: str
    through: str
    role: str = ""
    judged: Judged | None = None
    fields_exact: RateRow
    by_field: dict[str, RateRow]
    fields_normalised: F1Row | None = None
    normalised_by_field: dict[str, F1Row] = Field(default_factory=dict)
    records_exact: RateRow
    schema_valid: RateRow
    classification: Classification | None = None
    figures: dict[str, Figure] = Field(default_factory=dict)
    by_slice: dict[str, SliceRow]
    latency_seconds: dict[str, float]
    latency_curve: tuple[float, ...] = ()
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None = None
    errors: dict[str, int]
    outcomes: dict[str, int] = Field(default_factory=dict)
    finish_reasons: dict[str, int]
    mistakes: tuple[Mistake, ...]


class Comparison(_Record):
    """The first model's field rate minus the other's, on the same records."""

    model: str
    other: str
    difference: float
    low: float
    high: float


class MeasuredReport(_Record):
    """Figures without a specification: several models on one data file, and no verdict."""

    schema_version: int = 1
    task: str
    task_version: str
    json_form: JsonForm = JsonForm.COMPACT
    data_sha256: str
    records: int
    concurrency: int
    models: tuple[ModelReport, ...]
    comparisons: tuple[Comparison, ...]


class GoldenFile(_Record):
    """One golden set as it was frozen."""

    name: str
    sha256: Sha256
    rows: int = Field(ge=1)
    licence: str


class EvaluationReport(GateReport):
    """A `GateReport` with everything behind it.

    `models` starts with the candidate, then the baseline if there was one, then other runs. `suites`
    counts the perturbed rows that were asked; `environment` names versions and machine, no host.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    owners: tuple[str, ...] = ()
    confidence: float = 0.95
    family_error: float = 0.01
    seed: int = 0
    min_records: int = 0
    golden: tuple[GoldenFile, ...] = ()
    slices: dict[str, int] = Field(default_factory=dict)
    suites: dict[str, int] = Field(default_factory=dict)
    concurrency: int = 1
    seconds: float = 0.0
    models: tuple[ModelReport, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
