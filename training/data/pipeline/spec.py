"""The build specification: one validated YAML file that says how a dataset is made."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from training.data.augment.augment import FieldKind
from training.errors import DatasetError
from training.yaml_files import read_yaml

DatasetName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$", max_length=100)
]
"""Part of the dataset's folder name: no separator, and no dot at either end."""

Ratio = Annotated[float, Field(ge=0, le=1)]
SplitName = Literal["train", "validation", "test"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Format(StrEnum):
    """How a file is laid out; `auto` goes by the name's ending, and each row by its keys."""

    AUTO = "auto"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    OPENAI = "openai"
    ALPACA = "alpaca"


class Columns(_Section):
    """Names of a file's columns where they are not the usual ones (see `training/data/README.md`)."""

    id: str | None = None
    text: str | None = None
    output: str | None = None
    group: str | None = None
    slice: str | None = None
    source: str | None = None
    rejected_output: str | None = None


class ExampleFile(_Section):
    """A file of rows, and how they are read.

    `instructions` says what becomes of an instruction or system turn that is not the task's own: written
    before the text, left out, or a reason to reject the row. `turns` does the same for a conversation of
    several user turns. `delimiter` is that of a CSV file, a comma or (in `.tsv`) a tab by default.
    """

    path: Path
    format: Format = Format.AUTO
    columns: Columns = Columns()
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    instructions: Literal["prepend", "drop", "reject"] = "prepend"
    turns: Literal["reject", "transcript"] = "reject"


class Source(ExampleFile):
    """Examples of the task. `slice` is that of rows without one; `split` puts all rows into one split."""

    licence: str = Field(min_length=1, max_length=200)
    slice: str = Field(default="", max_length=200)
    split: SplitName | None = None


class Golden(ExampleFile):
    """A held-out set that no row may resemble."""


class Handling(StrEnum):
    """What becomes of personal data: left, replaced by a typed placeholder, or the row is rejected."""

    KEEP = "keep"
    REDACT = "redact"
    REJECT = "reject"


DEFAULT_ENTITIES = (
    "CREDIT_CARD",
    "CRYPTO",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "PHONE_NUMBER",
    "US_SSN",
)
"""What patterns and checksums find with few false alarms in any text; others are looked for when named."""


class PersonalData(_Section):
    """What is looked for and what is done with it.

    `default` holds for `DEFAULT_ENTITIES`; `entities` overrides it by type and adds further types that
    Presidio knows. `spacy_model` is an installed spaCy model and adds PERSON, LOCATION and their like.
    """

    default: Handling = Handling.REDACT
    entities: dict[str, Handling] = Field(default_factory=dict)
    min_score: Ratio = 0.4
    phone_regions: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...] = (
        "US",
        "GB",
        "DE",
        "FR",
        "IN",
        "BR",
    )
    spacy_model: str | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "en"

    @property
    def handling(self) -> dict[str, Handling]:
        """The handling of each entity type that is looked for."""
        return {**dict.fromkeys(DEFAULT_ENTITIES, self.default), **self.entities}


class Duplicates(_Section):
    """Above which similarity two rows are the same, and what happens to rows that disagree.

    `near` is the Jaccard similarity of character shingles, `semantic` the cosine of static embeddings; null
    switches a search off. `contradictions`: rows of one text with different outputs are all rejected, or
    the output of the strict majority is kept, or the first. `ambiguous`: alike texts, different outputs.
    """

    near: Annotated[float, Field(ge=0.5, le=1)] | None = 0.9
    semantic: Annotated[float, Field(ge=0.5, le=1)] | None = 0.97
    contradictions: Literal["reject", "majority", "first"] | None = None
    ambiguous: Literal["keep", "reject"] = "keep"
    encoder: Path | None = None


class Splits(_Section):
    """Shares of the splits. A row's split follows from its group, or from its text, and from `seed` alone.

    Without a group, `key: text-without-numbers` keeps rows together that differ in digits only.
    """

    train: Ratio = 0.8
    validation: Ratio = 0.1
    test: Ratio = 0.1
    seed: int = Field(default=17, ge=0, lt=2**32)
    key: Literal["text-without-numbers", "text"] = "text-without-numbers"

    @model_validator(mode="after")
    def _shares_are_whole(self) -> Self:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError("train, validation and test must add up to 1")
        return self


class Replay(ExampleFile):
    """General examples that are mixed into train alone: `ratio` of them for each row of the task."""

    licence: str = Field(min_length=1, max_length=200)
    ratio: float = Field(gt=0, le=10)


class Augment(_Section):
    """Changed copies of train's rows, for tasks that read values out of a text (see `training.data.augment`).

    `fields` names what changes: `swap` puts another row's value in the place of this one's, and may vary it
    (`vary_ratio`), `date` moves a date, `amount` multiplies all amounts of a text. The ratios are those of
    `Plan` there.
    """

    copies: int = Field(ge=1, le=200)
    fields: dict[str, FieldKind] = Field(min_length=1, max_length=100)
    unchanged_ratio: Ratio = 0.33
    swap_ratio: Ratio = 0.5
    vary_ratio: Ratio = 0.0
    noise_rate: Annotated[float, Field(ge=0, le=0.2)] = 0.01
    drop_ratio: Ratio = 0.15
    new_numbers: bool = True


class Limits(_Section):
    """Bounds of what is read, and of what the gate lets pass; the ratios are shares of the rows read."""

    max_row_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    max_rows: int = Field(default=2_000_000, ge=1)
    max_file_bytes: int = Field(default=4 * 1024**3, ge=1024)
    contradictions_ratio: Ratio = 0.05
    ambiguous_ratio: Ratio = 0.05
    rejected_ratio: Ratio = 0.5


class BuildSpec(_Section):
    """One dataset. Relative paths are resolved against the folder of the file when it is loaded."""

    schema_version: int = Field(default=1, ge=1, le=1)
    name: DatasetName
    task: Path
    sources: tuple[Source, ...] = Field(min_length=1, max_length=100)
    personal_data: PersonalData = PersonalData()
    duplicates: Duplicates = Duplicates()
    split: Splits = Splits()
    golden: tuple[Golden, ...] = Field(default=(), max_length=100)
    augment: Augment | None = None
    replay: Replay | None = None
    tokenizer: Path | None = None
    max_tokens: int | None = Field(default=None, ge=8)
    limits: Limits = Limits()
    out: Path

    @model_validator(mode="after")
    def _lengths_need_a_tokenizer(self) -> Self:
        if self.max_tokens and not self.tokenizer:
            raise ValueError("max_tokens needs a tokenizer to count with")
        return self


def load_spec(path: Path) -> BuildSpec:
    """Read a specification and resolve its paths.

    Raises:
        DatasetError: it cannot be read, is no YAML mapping, or has a wrong or unknown key.
    """
    spec = read_yaml(BuildSpec, path, DatasetError)
    return _resolved(spec, path.resolve().parent)


def _resolved(spec: BuildSpec, folder: Path) -> BuildSpec:
    def at(section: BaseModel, *names: str) -> dict[str, Path | None]:
        paths = {name: getattr(section, name) for name in names}
        return {name: folder / path if path else None for name, path in paths.items()}

    return spec.model_copy(
        update={
            **at(spec, "task", "tokenizer", "out"),
            "sources": tuple(one.model_copy(update=at(one, "path")) for one in spec.sources),
            "golden": tuple(one.model_copy(update=at(one, "path")) for one in spec.golden),
            "replay": spec.replay and spec.replay.model_copy(update=at(spec.replay, "path")),
            "duplicates": spec.duplicates.model_copy(update=at(spec.duplicates, "encoder")),
        }
    )
