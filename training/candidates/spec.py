"""The specification of a comparison: which candidates, on which rows, shown how many examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from training.data.synthesis.dialects import Dialect
from training.data.synthesis.spec import Prices
from training.errors import DatasetError
from training.yaml_files import read_yaml, validated

MAX_ROWS = 1000
MAX_ARMS = 50

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Candidate(_Section):
    """One model or pool. `name` is what the report calls it, the model's by default.

    Without `prices`, a gateway's own word on the cost is taken, and else there is none. `temperature` is
    the task's, a number, or null for models that take none. `extra` are further fields of each request.
    """

    name: Name = ""
    url: str = Field(pattern=r"^https?://\S+$", max_length=2000)
    model: Name
    through: Dialect = Dialect.GATEWAY
    api_key_env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")] | None = None
    api_key_file: Path | None = None
    prices: Prices | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | Literal["task"] | None = "task"
    max_tokens: int | None = Field(default=None, ge=1, le=131_072)
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """What the report calls it."""
        return self.name or self.model


class BenchSpec(_Section):
    """One comparison. Relative paths are resolved against the folder of the file.

    Every candidate is asked about every row once for each of `shots`, the numbers of examples before the
    question. `concurrency` is that of one candidate; candidates with the same URL take turns. `target` is
    the share of right answers that the work needs.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    task: Path
    rows: Path
    examples: Path | None = None
    shots: tuple[Annotated[int, Field(ge=0, le=64)], ...] = Field(default=(0,), min_length=1, max_length=5)
    limit: int = Field(default=50, ge=1, le=MAX_ROWS)
    concurrency: int = Field(default=1, ge=1, le=256)
    warm_up: int = Field(default=1, ge=0, le=100)
    timeout_seconds: float = Field(default=120, gt=0, le=3600)
    target: float = Field(default=0.95, gt=0, le=1)
    seed: int = Field(default=17, ge=0, lt=2**32)
    candidates: tuple[Candidate, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        labels = [one.label for one in self.candidates]
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        if repeated:
            raise ValueError(f"candidates: two are called {repeated[0]!r}; give them a name each")
        if len(set(self.shots)) < len(self.shots):
            raise ValueError("shots: a number stands twice")
        if max(self.shots) and self.examples is None:
            raise ValueError("shots: a number above 0 needs examples to show")
        if len(self.shots) * len(self.candidates) > MAX_ARMS:
            raise ValueError(f"more than {MAX_ARMS} pairs of a candidate and a number of shots")
        return self

    def located(self, folder: Path) -> Self:
        """The same with absolute paths."""
        candidates = tuple(
            one.model_copy(update={"api_key_file": folder / one.api_key_file}) if one.api_key_file else one
            for one in self.candidates
        )
        return self.model_copy(
            update={
                "task": folder / self.task,
                "rows": folder / self.rows,
                "examples": folder / self.examples if self.examples else None,
                "candidates": candidates,
            }
        )


def load_bench(path: Path) -> BenchSpec:
    """Read a specification and resolve its paths.

    Raises:
        DatasetError: it cannot be read, is no YAML mapping, or has a wrong or unknown key.
    """
    return read_yaml(BenchSpec, path, DatasetError).located(path.resolve().parent)


def parse_bench(content: object, place: str) -> BenchSpec:
    """Validate a specification.

    Raises:
        DatasetError: it has a wrong or unknown key.
    """
    return validated(BenchSpec, content, place, DatasetError)
