"""Checking a built dataset where it lies: files against the manifest, rows against the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from contracts.dataset import MANIFEST_FILE, SPLITS, DatasetManifest
from contracts.task import Task
from training.data.examples import Dataset, read_manifest, read_split
from training.data.pipeline.near import fold
from training.data.pipeline.report import REPORT_FILE, BuildReport
from training.data.pipeline.store import CARD_FILE, REJECTED_FILE, SPEC_FILE, SPLIT_FILES, TASK_FILE
from training.errors import DatasetError

_Model = TypeVar("_Model", BuildReport, Task)
_FILES = frozenset((*SPLIT_FILES, MANIFEST_FILE, REPORT_FILE, CARD_FILE, REJECTED_FILE, TASK_FILE, SPEC_FILE))


@dataclass(frozen=True, slots=True)
class Verified:
    """A dataset that is what its manifest says; the gate's verdict is `manifest.passed`."""

    manifest: DatasetManifest
    report: BuildReport


def read_report(folder: Path) -> BuildReport:
    """The figures of a built dataset.

    Raises:
        DatasetError: there is no report, or it is not valid.
    """
    return _read(BuildReport, folder / REPORT_FILE)


def verify_dataset(folder: Path) -> Verified:
    """Hash every split again, and read every row again.

    Raises:
        DatasetError: with every deviation that was found.
    """
    manifest = read_manifest(folder)
    faults = list(_faults(folder, manifest))
    if faults:
        raise DatasetError(f"{folder}: " + "; ".join(faults))
    return Verified(manifest, read_report(folder))


def _faults(folder: Path, manifest: DatasetManifest) -> Iterator[str]:
    yield from _strangers(folder)
    task = _read(Task, folder / TASK_FILE)
    if (task.name, task.version, task.output_hash) != (
        manifest.task,
        manifest.task_version,
        manifest.output_hash,
    ):
        yield f"{TASK_FILE} is not the task that {MANIFEST_FILE} names"
    if folder.resolve().name != f"{manifest.name}@{manifest.version}":
        yield f"the folder's name is not {manifest.name}@{manifest.version}"
    datasets: dict[str, Dataset] = {}
    for name in SPLITS:
        if manifest.splits[name].rows == 0:
            continue
        try:
            datasets[name] = read_split(folder, name, task.output)
        except DatasetError as error:
            yield str(error)
    yield from _shared(datasets)
    yield from _rejected(folder, manifest)


def _strangers(folder: Path) -> Iterator[str]:
    """A link could show one file to this check and another one to training."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            yield f"{path.name} is no plain file"
        elif path.name not in _FILES:
            yield f"{path.name} does not belong to a dataset"


def _shared(datasets: dict[str, Dataset]) -> Iterator[str]:
    """Ids and texts that stand on two sides."""
    ids: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name, dataset in datasets.items():
        for example in dataset.examples:
            if ids.setdefault(example.id, name) != name:
                yield f"id {example.id!r} stands in {ids[example.id]} and in {name}"
            if texts.setdefault(fold(example.text), name) != name:
                yield f"the text of {example.id!r} stands in {texts[fold(example.text)]} and in {name}"


def _rejected(folder: Path, manifest: DatasetManifest) -> Iterator[str]:
    try:
        with (folder / REJECTED_FILE).open("rb") as file:
            count = sum(1 for _ in file)
    except OSError as error:
        yield f"{REJECTED_FILE} cannot be read: {error}"
        return
    if count != sum(manifest.rejected.values()):
        yield f"{REJECTED_FILE} has {count} rows, the manifest says {sum(manifest.rejected.values())}"


def _read(model: type[_Model], path: Path) -> _Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        raise DatasetError(f"{path}: {'.'.join(map(str, wrong['loc'])) or 'file'}: {wrong['msg']}") from error
