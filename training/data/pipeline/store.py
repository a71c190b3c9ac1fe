"""The folder of a built dataset: written aside, then renamed, never half there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from contracts.artifact import digest_of
from contracts.canonical import canonical_json
from contracts.dataset import SPLITS, DatasetManifest, SplitFile
from contracts.output import JsonSchemaOutput, OutputContract
from training.data.pipeline.rows import Rejected, Row
from training.errors import DatasetError

CARD_FILE: Final = "data-card.md"
REJECTED_FILE: Final = "rejected.jsonl"
TASK_FILE: Final = "task.json"
SPEC_FILE: Final = "spec.yaml"
SPLIT_FILES: Final = tuple(f"{name}.jsonl" for name in SPLITS)


def row_line(row: Row, contract: OutputContract) -> str:
    """A row as a line of a split: the output's keys in the order of the schema."""
    record: dict[str, Any] = {
        "id": row.id,
        "text": row.text,
        "output": _ordered(row.output, contract),
        "group": row.group,
        "slice": row.slice,
        "source": row.source,
    }
    if row.rejected_output is not None:
        record["rejected_output"] = _ordered(row.rejected_output, contract)
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def rejected_line(one: Rejected) -> str:
    """A rejected row as a line; content that JSON cannot hold is left out."""
    record: dict[str, Any] = {
        "reason": one.reason,
        "detail": one.detail,
        "place": one.place,
        "id": one.id,
        "row": one.content,
    }
    try:
        line = json.dumps(record, ensure_ascii=False, allow_nan=False, default=str)
        line.encode("utf-8")
    except (ValueError, TypeError):
        line = json.dumps({**record, "row": None})
    return line + "\n"


@contextmanager
def staging(out: Path, name: str) -> Iterator[Path]:
    """A fresh folder beside the final one; gone at the end unless it was renamed.

    Raises:
        DatasetError: the place cannot be written, before or while the block runs.
    """
    folder: Path | None = None
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".staging-{name}-", dir=out))
        folder.chmod(0o755)
        yield folder
    except OSError as error:
        raise DatasetError(f"{out}: cannot be written: {error}") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def write_lines(path: Path, lines: Iterator[str]) -> None:
    """Write a file and have it on disk."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def split_records(folder: Path, rows: Mapping[str, Sequence[Row]]) -> tuple[str, dict[str, SplitFile]]:
    """The digest of the split files, and the record of each."""
    digest = digest_of(folder, SPLIT_FILES)
    return digest, {
        name: SplitFile(sha256=_sha256(folder / f"{name}.jsonl"), rows=len(rows[name])) for name in SPLITS
    }


def publish(folder: Path, out: Path, manifest: DatasetManifest) -> Path:
    """Rename the staging folder to `NAME@VERSION`.

    Where that version is there already, its rows are the same by their digest; report, card and manifest are
    put in its place, the manifest last, because the verdict may be another one under other limits.

    Raises:
        DatasetError: the version's folder is a link, or holds other rows.
        OSError: it cannot be written.
    """
    final = out / f"{manifest.name}@{manifest.version}"
    if final.is_symlink():
        raise DatasetError(f"{final}: a link stands where the dataset goes; remove it")
    if not final.exists():
        try:
            folder.rename(final)
        except OSError:
            if not final.is_dir():  # else another build of the same rows was quicker
                raise
        else:
            _sync(out)
            return final
    if digest_of(final, SPLIT_FILES) != manifest.digest:
        raise DatasetError(f"{final}: is there with other rows than its name says; remove it")
    for path in sorted(folder.iterdir(), key=lambda path: path.name == "dataset.json"):
        path.replace(final / path.name)
    _sync(final)
    return final


def _ordered(output: Any, contract: OutputContract) -> Any:
    if not isinstance(output, Mapping | list):
        return output
    schema = contract.json_schema if isinstance(contract, JsonSchemaOutput) else None
    return json.loads(canonical_json(output, schema))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """Have a rename on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
