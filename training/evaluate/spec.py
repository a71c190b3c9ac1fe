"""The specification of a task's evaluation: one YAML file that says what is asked and what must hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.task import TaskName
from training.errors import SpecificationError
from training.evaluate.metric_names import kind_of, needs
from training.evaluate.records import MAX_MISTAKES
from training.yaml_files import read_yaml

ALL: Final = ""
"""The slice that holds every row of the golden sets."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[\w./@+-]+( [\w./@+-]+)*$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GoldenSource(_Section):
    """One golden set: a JSON-lines file beside the specification, and the licence of its rows."""

    file: Path
    licence: str = Field(min_length=1, max_length=200)


class SlicePredicate(_Section):
    """Which rows a slice holds beside those that name it: all of the conditions that are given must hold.

    `text_matches` is a regular expression that is found at least `times` in the text (several dates,
    several totals, an injected order); `null_fields` counts gold fields without a value.
    """

    text_matches: str | None = Field(default=None, min_length=1, max_length=1000)
    times: int = Field(default=1, ge=1, le=1000)
    group_matches: str | None = Field(default=None, min_length=1, max_length=1000)
    null_fields: int | None = Field(default=None, ge=1)
    null_field: str | None = None
    min_characters: int | None = Field(default=None, ge=1)
    ids: tuple[str, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"times"}:
            raise ValueError("a slice's predicate needs a condition")
        for pattern in (self.text_matches, self.group_matches):
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise ValueError(f"no regular expression: {error}") from error
        return self


class MetricRule(_Section):
    """What one metric must hold, on all rows or on one slice.

    `minimum` and `maximum` bound the candidate's own value. `max_regression` bounds the loss against the
    baseline on the same records: as a difference of shares, or for latency and cost as a part of it.
    """

    metric: str = Field(min_length=1, max_length=120)
    slice: str = ALL
    minimum: float | None = None
    maximum: float | None = None
    max_regression: float | None = Field(default=None, ge=0)
    min_records: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        kind = kind_of(self.metric)
        if kind is None:
            raise ValueError(f"no metric {self.metric!r}")
        if self.minimum is None and self.maximum is None and self.max_regression is None:
            raise ValueError(f"{self.metric}: give a minimum, a maximum or max_regression")
        wrong = "maximum" if kind.higher_is_better else "minimum"
        if getattr(self, wrong) is not None:
            raise ValueError(f"{self.metric}: a {wrong} says nothing here; the better value is the other way")
        return self


class Stability(_Section):
    """How often the same row is asked again (`repeats`), and of how many rows."""

    repeats: int = Field(default=0, ge=0, le=50)
    rows: int = Field(default=50, ge=1, le=10_000)


class Suites(_Section):
    """Perturbation suites, by name, and how many golden rows each perturbs."""

    names: tuple[Label, ...] = ()
    rows: int = Field(default=50, ge=1, le=10_000)


class Prices(_Section):
    """What tokens cost where the gateway does not say it."""

    prompt_usd_per_million: float = Field(ge=0)
    completion_usd_per_million: float = Field(ge=0)


class Judge(_Section):
    """A model that marks free text from 1 to `max_score` by a rubric; its address is given when it runs."""

    model: str = Field(min_length=1, max_length=200)
    rubric: str = Field(min_length=1, max_length=20_000)
    max_score: int = Field(default=5, ge=2, le=10)


class Toxicity(_Section):
    """How answers are screened for abuse: by the list of words, which is a floor, or by a text classifier.

    The classifier's folder is given when it runs. An answer that scores `threshold` or more is abusive.
    """

    scorer: Literal["lexicon", "classifier"] = "lexicon"
    threshold: float = Field(default=0.5, gt=0, le=1)


class Specification(_Section):
    """One evaluation. Paths are relative to the file's folder; a changed file must be frozen again.

    `baseline` is what the candidate is compared with: the task as it serves now (`stable`), its bare base
    model (`base`), or nothing. `label_field` makes one field of a JSON answer the class of a
    classification; `abstain_label` is the class that stands for "no answer"; `refusal_patterns` are
    regular expressions of a refusal in free text. `family_error` is the chance that any metric of an
    unchanged model is called a failure.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    name: TaskName
    owners: tuple[str, ...] = Field(min_length=1)
    task: Path
    baseline: Literal["stable", "base", "none"] = "stable"
    golden: tuple[GoldenSource, ...] = Field(min_length=1, max_length=100)
    slices: dict[Label, SlicePredicate] = Field(default_factory=dict)
    suites: Suites = Suites()
    stability: Stability = Stability()
    metrics: tuple[MetricRule, ...] = Field(min_length=1, max_length=100)
    prices: Prices | None = None
    judge: Judge | None = None
    toxicity: Toxicity | None = None
    label_field: str | None = None
    abstain_label: str | None = None
    refusal_patterns: tuple[str, ...] = Field(default=(), max_length=50)
    free_run: bool = False
    shown_mistakes: int = Field(default=MAX_MISTAKES, ge=0, le=MAX_MISTAKES)
    concurrency: int = Field(default=4, ge=1, le=512)
    min_records: int = Field(default=30, ge=2)
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    family_error: float = Field(default=0.01, gt=0, le=0.2)
    seed: int = Field(default=17, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        seen = [(rule.metric, rule.slice) for rule in self.metrics]
        repeated = [one for one in seen if seen.count(one) > 1]
        if repeated:
            raise ValueError(f"metrics: {repeated[0][0]} stands twice for slice {repeated[0][1]!r}")
        if self.baseline == "none" and any(rule.max_regression is not None for rule in self.metrics):
            raise ValueError("metrics: max_regression needs a baseline, and baseline is 'none'")
        for rule in self.metrics:
            missing = needs(rule.metric) & self._absent()
            if missing:
                raise ValueError(f"metrics: {rule.metric} needs {min(missing)}")
        for pattern in self.refusal_patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"refusal_patterns: no regular expression: {error}") from error
        return self

    def _absent(self) -> set[str]:
        return {
            name
            for name, is_absent in (
                ("stability.repeats", self.stability.repeats < 1),
                ("suites.names", not self.suites.names),
                ("judge", self.judge is None),
                ("toxicity", self.toxicity is None),
                ("baseline", self.baseline == "none"),
            )
            if is_absent
        }


def read_specification(path: Path) -> Specification:
    """Read a specification file.

    Raises:
        SpecificationError: it cannot be read, is no YAML mapping, or has a wrong or unknown key.
    """
    return read_yaml(Specification, path, SpecificationError)
