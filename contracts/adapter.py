"""The manifest of an immutable adapter version."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from contracts.canonical import JsonForm, Sha256
from contracts.task import TaskName


class AdapterManifest(BaseModel):
    """What is known of one adapter version; written beside its weights and never changed.

    `digest` is the content hash over the adapter's own files (name, length and bytes of each, in the
    order of their names), so two folders with the same bytes are the same version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    task: TaskName
    digest: Sha256
    base_model: str = Field(min_length=1)
    rank: int = Field(ge=1)
    target_modules: tuple[str, ...]
    json_form: JsonForm = JsonForm.COMPACT
    created_at: datetime
    files: dict[str, int]
    notes: str = ""

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of the digest."""
        return self.digest[:12]

    @property
    def name(self) -> str:
        """The name under which every engine loads it."""
        return f"{self.task}@{self.version}"
