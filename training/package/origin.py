"""Owns what an export says of its sources, read from the package and compared with the base model given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from contracts.artifact import PROVENANCE_FILE, Provenance
from training.errors import PackageError
from training.package.adapter import Adapter
from training.package.identity import base_model_digest, base_model_licence
from training.package.records import read_bounded


@dataclass(frozen=True, slots=True)
class Origin:
    """Where exported weights come from; `task` is empty for an adapter that was made elsewhere."""

    task: str
    adapter_digest: str
    base_model: str
    base_model_sha256: str
    licences: dict[str, str]

    @property
    def name(self) -> str:
        """A name for the exported model."""
        return f"{self.task or self.base_model}-{self.adapter_digest[:12]}"


def read_origin(adapter: Adapter, base: Path) -> Origin:
    """What the package and the base model's folder say.

    Raises:
        PackageError: the provenance is not valid or names other base weights, or the base has no weights.
    """
    known = read_provenance(adapter.folder)
    digest = base_model_digest(base)
    if known and known.base_model_sha256 and known.base_model_sha256 != digest:
        raise PackageError(
            f"{base}: its weights are not those of {known.base_model!r} that the adapter was trained on "
            f"({PROVENANCE_FILE}: base_model_sha256)"
        )
    licence = base_model_licence(base)
    return Origin(
        task=known.task if known else "",
        adapter_digest=adapter.digest,
        base_model=known.base_model if known else adapter.base_name,
        base_model_sha256=digest,
        licences=(known.licences if known else {}) or ({"base_model": licence} if licence else {}),
    )


def read_provenance(package: Path) -> Provenance | None:
    """The package's provenance; None where it has none, as adapters from elsewhere do.

    Raises:
        PackageError: it is there and not valid.
    """
    content = read_bounded(package / PROVENANCE_FILE)
    if content is None:
        return None
    try:
        return Provenance.model_validate_json(content)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"])) or "file"
        raise PackageError(f"{package / PROVENANCE_FILE}: {place}: {wrong['msg']}") from error
