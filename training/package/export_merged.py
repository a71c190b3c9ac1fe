"""Owns the export of a merged model: one Hugging Face folder that needs no adapter."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from contracts.artifact import pieces_of
from contracts.canonical import Sha256
from training.package._files import staged, write_whole
from training.package._model import load_config, load_merged
from training.package.adapter import read_adapter
from training.package.identity import code_version
from training.package.origin import Origin, read_origin

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

EXPORT_FILE = "export.json"
_COPIED = (
    *("config.json", "generation_config.json", "chat_template.jinja", "tokenizer.json"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt"),
    "tokenizer.model",
    *("LICENSE", "LICENSE.txt", "NOTICE"),
)
"""Taken from the base model byte for byte: the merged model is read and prompted as the base is."""


class ExportedFile(BaseModel):
    """One file of an export."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: Sha256


class ExportManifest(BaseModel):
    """What an export was made from; `export.json` in its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    format: str
    task: str
    adapter_digest: Sha256
    base_model: str
    base_model_sha256: Sha256
    dtype: str
    code_version: str
    licences: dict[str, str] = Field(default_factory=dict)
    files: dict[str, ExportedFile]


def merged(package: Path, base: Path, out: Path) -> Path:
    """Add the adapter into the base model's weights and write the folder `out`; gives its path.

    The sum is formed in float32 and stored in the number format of the base model.

    Raises:
        TrainingError: the adapter, the base model or this environment will not do, or `out` is there already.
    """
    adapter = read_adapter(package)
    source = read_origin(adapter, base)
    model = load_merged(adapter, base)
    kind = _base_dtype(base, model)
    with staged(out) as folder:
        model.to(kind).save_pretrained(folder, safe_serialization=True)
        for name in _COPIED:
            if (base / name).is_file():
                shutil.copyfile(base / name, folder / name)
        manifest = _manifest(source, str(kind).removeprefix("torch."), folder)
        write_whole(folder / EXPORT_FILE, manifest.model_dump_json(indent=2).encode() + b"\n")
    return out


def _manifest(source: Origin, kind: str, folder: Path) -> ExportManifest:
    return ExportManifest(
        format="merged",
        task=source.task,
        adapter_digest=source.adapter_digest,
        base_model=source.base_model,
        base_model_sha256=source.base_model_sha256,
        dtype=kind,
        code_version=code_version(),
        licences=source.licences,
        files={path.name: _described(path) for path in sorted(folder.iterdir())},
    )


def _described(path: Path) -> ExportedFile:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in pieces_of(file):
            digest.update(piece)
    return ExportedFile(bytes=path.stat().st_size, sha256=digest.hexdigest())


def _base_dtype(base: Path, model: PreTrainedModel) -> torch.dtype:
    import torch  # noqa: PLC0415

    stated = getattr(load_config(base), "dtype", None)
    return stated if isinstance(stated, torch.dtype) else model.dtype
