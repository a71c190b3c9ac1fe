"""Artifacts on disk: the content hash of a folder, and what an adapter package says of itself."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import BaseModel, ConfigDict, Field

from contracts.canonical import JsonForm, Sha256

ADAPTER_FILES: Final = ("adapter_config.json", "adapter_model.safetensors")
"""What the content hash of an adapter version covers."""

PROVENANCE_FILE: Final = "provenance.json"
SIGNATURE_FILE: Final = "signature.json"
PROBE_FILE: Final = "probe.json"
PACKAGE_PURPOSE: Final = "adapter-package"
"""What `contracts.signature` is told that a signature over `package_digest` is for."""

_DOCUMENT: Final = re.compile(
    r"README\.md|(?:model-|data-)card\.(?:md|json)|release-notes\.md|recipe\.ya?ml"
    r"|[a-z0-9_.-]{0,64}report[a-z0-9_.-]{0,64}\.(?:json|html|md)"
)
_CHUNK_BYTES: Final = 1024 * 1024


class Provenance(BaseModel):
    """How an adapter was made; `provenance.json` beside its weights, copied into the manifest.

    Hashes are SHA-256: `base_model_sha256` over the base model's weight files (`digest_of` in the order of
    their names), `recipe_sha256` over the bytes of the recipe, `dataset` is `name@version`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    task: str
    task_version: str
    output_hash: str
    json_form: JsonForm = JsonForm.COMPACT
    base_model: str
    base_model_sha256: Sha256 | None = None
    dataset: str
    dataset_sha256: Sha256
    recipe_sha256: Sha256
    method: str
    code_version: str
    licences: dict[str, str] = Field(default_factory=dict)
    parents: tuple[str, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)


class Probe(BaseModel):
    """One greedy generation of the trained adapter; `probe.json` beside its weights.

    An engine that has loaded the adapter is asked for the same completion of the raw text `prompt` (special
    tokens written out) and is ready only if what it writes shares at least `min_shared_ratio` of `completion`
    from its start. `base_completion` is what the bare base model writes: an engine that answers with it has
    not applied the adapter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    prompt: str = Field(min_length=1, max_length=20_000)
    max_tokens: int = Field(default=24, ge=1, le=64)
    completion: str = Field(min_length=1, max_length=2_000)
    base_completion: str | None = Field(default=None, max_length=2_000)
    min_shared_ratio: float = Field(default=0.5, gt=0, le=1)


class StoredFile(BaseModel):
    """One file of an adapter version; manifests of schema version 1 have no hash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int = Field(ge=0)
    sha256: Sha256 | None = None


def is_document(name: str) -> bool:
    """Whether a file of this name is kept beside an adapter's own: cards, recipe, reports and the like."""
    return name in (PROVENANCE_FILE, PROBE_FILE) or _DOCUMENT.fullmatch(name) is not None


def package_files(folder: Path) -> tuple[str, ...]:
    """The names of the files that make up a package, in order and without the signature over them."""
    names = sorted(path.name for path in folder.iterdir())
    return tuple(name for name in names if name in ADAPTER_FILES or is_document(name))


def package_digest(folder: Path) -> str:
    """The content hash that a package's `signature.json` signs: `digest_of` all `package_files`."""
    return digest_of(folder, package_files(folder))


def digest_of(folder: Path, names: Sequence[str]) -> str:
    """The content hash over name and bytes of some files, without holding them in memory.

    Equal to `contracts.canonical.content_hash` of name, bytes, name, bytes, in the order of the names.
    """
    digest = hashlib.sha256()
    for name in sorted(names):
        with (folder / name).open("rb") as file:
            for length, pieces in (
                (len(name), [name.encode()]),
                (os.fstat(file.fileno()).st_size, pieces_of(file)),
            ):
                digest.update(length.to_bytes(8, "big"))
                for piece in pieces:
                    digest.update(piece)
    return digest.hexdigest()


def stored_files(folder: Path, names: Sequence[str]) -> dict[str, StoredFile]:
    """Size and SHA-256 of some files of a folder, by name. Raises OSError."""
    found = {}
    for name in sorted(names):
        digest, size = hashlib.sha256(), 0
        with (folder / name).open("rb") as file:
            for piece in pieces_of(file):
                digest.update(piece)
                size += len(piece)
        found[name] = StoredFile(bytes=size, sha256=digest.hexdigest())
    return found


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, a mebibyte at a time."""
    while piece := file.read(_CHUNK_BYTES):
        yield piece
