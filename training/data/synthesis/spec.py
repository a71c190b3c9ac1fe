"""The two specifications, of synthesis and of distillation: one validated YAML file each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.verification import Pointer
from training.data.synthesis.dialects import Dialect
from training.errors import DatasetError
from training.yaml_files import read_yaml

Ratio = Annotated[float, Field(ge=0, le=1)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
_Spec = TypeVar("_Spec", bound="TeacherRun")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prices(_Section):
    """What the teacher costs; a model of your own may be stated as free with zeros."""

    prompt_usd_per_million: float = Field(ge=0)
    completion_usd_per_million: float = Field(ge=0)

    def cost_usd(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of some tokens."""
        prompt = prompt_tokens * self.prompt_usd_per_million
        return (prompt + completion_tokens * self.completion_usd_per_million) / 1e6


class Teacher(_Section):
    """The model that is asked. Name, version and licence are stated here and recorded with every row.

    The key comes from the environment or a file, never from this section. `temperature: null` leaves it
    to the server. `extra` are further fields of each request, such as `chat_template_kwargs`.
    """

    url: str = Field(pattern=r"^https?://\S+$", max_length=2000)
    model: Label
    version: Label
    licence: Label
    through: Dialect = Dialect.ENGINE
    api_key_env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")] | None = None
    api_key_file: Path | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.8
    max_tokens: int = Field(default=1024, ge=1, le=131_072)
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    timeout_seconds: float = Field(default=120, gt=0, le=3600)
    concurrency: int = Field(default=4, ge=1, le=512)
    prices: Prices | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if self.api_key_env and self.api_key_file:
            raise ValueError("api_key_env and api_key_file exclude each other")
        taken = sorted(self.extra.keys() & {"model", "messages", "stream", "n"})
        if taken:
            raise ValueError(f"extra: {taken[0]!r} is set by the run")
        return self

    @property
    def label(self) -> str:
        """What a row's `source` says about its maker."""
        return f"{self.model}@{self.version};licence={self.licence}"


class Budget(_Section):
    """Caps over all runs that share a journal. Without a cap of its own, cost needs no prices."""

    max_requests: int = Field(default=1000, ge=1)
    max_tokens: int = Field(default=2_000_000, ge=1)
    max_cost_usd: Annotated[float, Field(gt=0)] | None = None


class Retries(_Section):
    """Waits after 429, 5xx, a timeout or a broken reply: doubled each time, with jitter, up to a bound."""

    attempts: int = Field(default=5, ge=1, le=20)
    base_seconds: float = Field(default=1.0, gt=0, le=60)
    max_seconds: float = Field(default=60.0, gt=0, le=600)


class Checks(_Section):
    """What a candidate has to pass beside the task's contract.

    `grounded: auto` asks it of JSON outputs alone; `ungrounded` are pointers to values that need not stand
    in the text. Likeness is the Jaccard similarity of character shingles; `avoid` are files, such as golden
    sets, that no example may resemble.
    """

    grounded: Literal["auto", "always", "never"] = "auto"
    ungrounded: tuple[Pointer, ...] = Field(default=(), max_length=100)
    min_text_chars: int = Field(default=8, ge=1)
    max_text_chars: int = Field(default=8000, ge=1)
    max_output_chars: int = Field(default=8000, ge=1)
    near_duplicate: Annotated[float, Field(ge=0.5, le=1)] | None = 0.85
    copy_of_shot: Annotated[float, Field(ge=0.5, le=1)] = 0.7
    avoid: tuple[Path, ...] = Field(default=(), max_length=100)
    min_document_share: Ratio = 0.0


class TeacherRun(_Section):
    """What both specifications share. Relative paths are resolved against the folder of the file."""

    schema_version: int = Field(default=1, ge=1, le=1)
    task: Path
    teacher: Teacher
    budget: Budget = Budget()
    retries: Retries = Retries()
    checks: Checks = Checks()
    examples: Path | None = None
    shots: int = Field(default=3, ge=0, le=32)
    seed: int = Field(default=17, ge=0, lt=2**32)
    out: Path

    @model_validator(mode="after")
    def _costs_need_prices(self) -> Self:
        if self.budget.max_cost_usd is not None and self.teacher.prices is None:
            raise ValueError("budget.max_cost_usd needs teacher.prices")
        return self

    def located(self, folder: Path) -> Self:
        """The same with absolute paths."""
        key_file = self.teacher.api_key_file
        return self.model_copy(
            update={
                "task": folder / self.task,
                "out": folder / self.out,
                "examples": folder / self.examples if self.examples else None,
                "teacher": self.teacher.model_copy(
                    update={"api_key_file": folder / key_file if key_file else None}
                ),
                "checks": self.checks.model_copy(
                    update={"avoid": tuple(folder / path for path in self.checks.avoid)}
                ),
            }
        )


class SynthesisSpec(TeacherRun):
    """New examples: texts that the teacher writes from documents, each with its output.

    `styles` are put to the teacher in turn, and name the slice of what it writes.
    """

    documents: Path
    count: int = Field(ge=1, le=1_000_000)
    per_request: int = Field(default=3, ge=1, le=20)
    passage_chars: int = Field(default=2000, ge=200, le=50_000)
    styles: tuple[Label, ...] = Field(default=(), max_length=100)

    def located(self, folder: Path) -> Self:
        """The same with absolute paths."""
        return super().located(folder).model_copy(update={"documents": folder / self.documents})


class DistilSpec(TeacherRun):
    """A teacher's answers to given inputs; of `samples` answers at least `agree` have to be the same.

    `given` says what becomes of an input that has an output: asked all the same, kept without asking, or
    asked and kept only where the teacher says the same.
    """

    inputs: Path
    samples: int = Field(default=1, ge=1, le=64)
    agree: int = Field(default=1, ge=1, le=64)
    given: Literal["ask", "keep", "must_match"] = "ask"
    shots: int = Field(default=0, ge=0, le=32)

    @model_validator(mode="after")
    def _samples_can_agree(self) -> Self:
        if self.agree > self.samples:
            raise ValueError("agree: more than there are samples")
        if self.agree * 2 <= self.samples:
            raise ValueError("agree: two different answers could both reach it; ask for more than half")
        if self.samples > 1 and self.teacher.temperature == 0:
            raise ValueError("samples: at temperature 0 all samples are the same answer")
        return self

    @model_validator(mode="after")
    def _inputs_may_be_alike(self) -> Self:
        """Inputs come from outside and are told apart elsewhere; here only equal ones are dropped."""
        if "near_duplicate" in self.checks.model_fields_set:
            return self
        checks = self.checks.model_copy(update={"near_duplicate": None})
        return self.model_copy(update={"checks": checks})

    def located(self, folder: Path) -> Self:
        """The same with absolute paths."""
        return super().located(folder).model_copy(update={"inputs": folder / self.inputs})


def load_spec(model: type[_Spec], path: Path) -> _Spec:
    """Read a specification and resolve its paths.

    Raises:
        DatasetError: it cannot be read, is no YAML mapping, or has a wrong or unknown key.
    """
    return read_yaml(model, path, DatasetError).located(path.resolve().parent)


def read_key(variable: str | None, file: Path | None) -> str:
    """The key to send; empty where none is named.

    Raises:
        DatasetError: the variable is not set, or the file cannot be read or is empty.
    """
    if variable:
        key = os.environ.get(variable, "")
        if not key:
            raise DatasetError(f"api_key_env: {variable} is not set")
        return key
    if file is None:
        return ""
    try:
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"api_key_file: {file}: cannot be read: {error}") from error
    if not key or "\n" in key:
        raise DatasetError(f"api_key_file: {file}: not one line with a key")
    return key
