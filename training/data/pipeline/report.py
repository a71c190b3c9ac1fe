"""The figures of a build, in numbers: what the data card and `firstline data show` are written from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput, OutputContract
from training.data.pipeline.lengths import LengthFigures
from training.data.pipeline.rows import Row

REPORT_FILE: Final = "report.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Record):
    """One step of the build: rows before and after, and what was changed, in words and counts."""

    name: str
    rows_in: int
    rows_out: int
    notes: dict[str, int] = Field(default_factory=dict)


class PersonalDataFigures(_Record):
    """Finds of one entity type, and what was done with them."""

    found: int
    handling: str


class BuildReport(_Record):
    """Everything that was counted. `balance` is by split; rows of replay are not in it."""

    schema_version: int = Field(default=1, ge=1, le=1)
    steps: tuple[Step, ...]
    rejected: dict[str, int]
    splits: dict[str, int]
    balance: dict[str, dict[str, int]]
    slices: dict[str, int]
    groups: int
    replay_rows: int
    contradictions: int
    contradicting_rows: int
    ambiguous_pairs: int
    ambiguous_rows_left: int
    alike_in_meaning: int
    listed: tuple[str, ...]
    personal_data: dict[str, PersonalDataFigures]
    redacted_rows: int
    personal_data_left: int
    golden: dict[str, int]
    leaks_removed: dict[str, int]
    leaks_left: int
    similarity: dict[str, float | None]
    prompt_tokens: dict[str, LengthFigures] = Field(default_factory=dict)
    completion_tokens: dict[str, LengthFigures] = Field(default_factory=dict)
    has_chat_template: bool = False
    max_tokens: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def rows_read(self) -> int:
        """Rows that the sources gave, usable or not."""
        return self.steps[0].rows_in if self.steps else 0


def balance_of(rows: Iterable[Row], contract: OutputContract) -> dict[str, int]:
    """What the outputs hold: rows of each label, or rows in which each field has a value."""
    counts: Counter[str] = Counter()
    if isinstance(contract, ChoiceOutput):
        counts.update(dict.fromkeys(contract.choices, 0))
        counts.update(str(row.output) for row in rows)
    elif isinstance(contract, JsonSchemaOutput | JsonObjectOutput):
        counts.update(dict.fromkeys(_properties(contract), 0))
        for row in rows:
            fields = row.output if isinstance(row.output, Mapping) else {}
            counts.update(name for name, value in fields.items() if value not in (None, "", [], {}))
    return dict(counts)


def counted(words: Iterable[str]) -> dict[str, int]:
    """How often each word stands, in alphabetic order."""
    return dict(sorted(Counter(words).items()))


def _properties(contract: OutputContract) -> Sequence[str]:
    schema = contract.json_schema if isinstance(contract, JsonSchemaOutput) else {}
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return tuple(properties) if isinstance(properties, Mapping) else ()
