"""The manifest of an immutable adapter version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.artifact import Provenance, StoredFile
from contracts.canonical import JsonForm, Sha256
from contracts.task import TaskName


class AdapterManifest(BaseModel):
    """What is known of one adapter version; written beside its weights and never changed.

    `digest` is the content hash over the adapter's own files (name, length and bytes of each, in the
    order of their names), so two folders with the same weights are the same version. `signer` is the name of
    the trusted key that the package's signature was made with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=2, ge=1, le=2)
    task: TaskName
    digest: Sha256
    base_model: str = Field(min_length=1)
    rank: int = Field(ge=1)
    target_modules: tuple[str, ...]
    json_form: JsonForm = JsonForm.COMPACT
    created_at: datetime
    files: dict[str, StoredFile]
    provenance: Provenance | None = None
    signer: str | None = None
    notes: str = ""

    @field_validator("files", mode="before")
    @classmethod
    def _sizes_alone(cls, files: Any) -> Any:
        """Schema version 1 wrote name and size."""
        if not isinstance(files, Mapping):
            return files
        return {name: {"bytes": file} if isinstance(file, int) else file for name, file in files.items()}

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of the digest."""
        return self.digest[:12]

    @property
    def name(self) -> str:
        """The name under which every engine loads it."""
        return f"{self.task}@{self.version}"

    @property
    def size_bytes(self) -> int:
        """All its files together."""
        return sum(file.bytes for file in self.files.values())
