"""What the documents of an adapter package say: where it comes from, who signed it, how it was judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.artifact import (
    PACKAGE_PURPOSE,
    PROVENANCE_FILE,
    SIGNATURE_FILE,
    Provenance,
    package_digest,
)
from contracts.canonical import JsonForm
from contracts.signature import Signature, SignatureError, verify
from contracts.task import Task
from gateway.adapters.probe import read_probe
from gateway.errors import AdapterRefusedError

_MAX_SIGNATURE_BYTES: Final = 16 * 1024
_MAX_DOCUMENT_BYTES: Final = 4 * 1024**2

Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures count, and whether a package may come without one."""

    trusted_keys: tuple[Path, ...] = ()
    require_signature: bool = False


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What a package's documents tell; `notes` are sentences for whoever looks at the version."""

    json_form: JsonForm
    provenance: Provenance | None = None
    signer: str | None = None
    notes: tuple[str, ...] = ()


def read_package(folder: Path, task: Task, *, asked: JsonForm | None, trust: Trust) -> PackageFacts:
    """Read and check the documents of a staged package. Blocks.

    Raises:
        AdapterRefusedError: a document cannot be read, the signature does not hold or is missing though
            required, or the package states another form of JSON than was asked for.
    """
    signer = check_signature(folder, trust)
    read_probe(folder)
    provenance = _read(folder / PROVENANCE_FILE, Provenance)
    form = asked or JsonForm.COMPACT
    if provenance is not None:
        form = provenance.json_form
        if asked is not None and asked is not form:
            raise AdapterRefusedError(
                f"{PROVENANCE_FILE} says that the adapter was trained on {form.value} JSON, and "
                f"{asked.value} was asked for: leave json_form out, or register the right folder"
            )
    return PackageFacts(form, provenance, signer, tuple(_notes(folder, provenance, task, trust)))


def check_signature(folder: Path, trust: Trust) -> str | None:
    """The trusted key that signed a package; None where there is no signature, or no key to check it with.

    Raises:
        AdapterRefusedError: it does not hold, or is missing though required.
    """
    signature = _read(folder / SIGNATURE_FILE, Signature, _MAX_SIGNATURE_BYTES)
    if signature is None:
        if trust.require_signature:
            raise AdapterRefusedError(
                f"{SIGNATURE_FILE} is missing, and adapters.require_signature is set: "
                "sign the package with a key that adapters.trusted_keys knows"
            )
        return None
    if not trust.trusted_keys:
        return None
    try:
        return verify(PACKAGE_PURPOSE, package_digest(folder), signature, trust.trusted_keys)
    except SignatureError as error:
        raise AdapterRefusedError(f"{SIGNATURE_FILE}: {error}") from error


def _notes(folder: Path, provenance: Provenance | None, task: Task, trust: Trust) -> Sequence[str]:
    notes = []
    if (folder / SIGNATURE_FILE).exists() and not trust.trusted_keys:
        notes.append("its signature was not checked: adapters.trusted_keys names no key")
    if provenance is not None and provenance.task != task.name:
        notes.append(f"it was trained for task {provenance.task!r}")
    elif provenance is not None and provenance.output_hash != task.output_hash:
        notes.append(f"it was trained for output contract {provenance.output_hash}, not {task.output_hash}")
    return notes


def _read(path: Path, shape: type[Document], max_bytes: int = _MAX_DOCUMENT_BYTES) -> Document | None:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    if len(content) > max_bytes:
        raise AdapterRefusedError(f"{path.name}: is over {max_bytes} bytes")
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise AdapterRefusedError(f"{path.name}: {where}: {first['msg']}") from error
