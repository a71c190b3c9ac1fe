"""The manifest of an immutable dataset: what its rows are, where they come from and what was done to them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from contracts.canonical import Sha256
from contracts.task import TaskName

MANIFEST_FILE = "dataset.json"
SPLITS = ("train", "validation", "test")
"""Each is a file `<split>.jsonl` of the folder, of rows `{"id", "text", "output", "group", "slice", ...}`."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(_Record):
    """One file that rows were read from; `licence` is as its owner declared it."""

    name: str
    sha256: Sha256
    rows: int = Field(ge=0)
    format: str
    licence: str = ""


class SplitFile(_Record):
    """One file of the dataset."""

    sha256: Sha256
    rows: int = Field(ge=0)


class DatasetManifest(_Record):
    """Written beside the splits and never changed.

    `digest` is the content hash over the names and bytes of the split files, so that the same rows are
    the same dataset whenever and wherever it was built. `passed` is false where the data gate refused it
    (leakage, contradictions, personal data against the policy); `problems` says why.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    name: str = Field(min_length=1, max_length=200)
    digest: Sha256
    task: TaskName
    task_version: str
    output_hash: str
    created_at: datetime
    sources: tuple[SourceFile, ...]
    parents: tuple[str, ...] = ()
    splits: dict[str, SplitFile]
    rejected: dict[str, int] = Field(default_factory=dict)
    personal_data: str = "redacted"
    licences: tuple[str, ...] = ()
    seed: int = 0
    passed: bool
    problems: tuple[str, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of the digest."""
        return self.digest[:12]
