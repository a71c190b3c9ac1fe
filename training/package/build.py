"""Owns turning an adapter's folder into a package: provenance, probe, cards and release notes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from contracts.artifact import PROBE_FILE, PROVENANCE_FILE, Provenance
from contracts.dataset import MANIFEST_FILE
from contracts.task import Task
from training.config import DataFiles, Recipe
from training.data.examples import read_dataset, read_manifest, read_split
from training.errors import PackageError
from training.package._files import write_whole
from training.package.adapter import Adapter, check_fits, read_adapter
from training.package.cards import CardFacts, model_card, plain_data_card
from training.package.identity import base_model_digest, base_model_licence, code_version
from training.package.notes import read_release, release_notes
from training.package.origin import read_provenance
from training.package.probe import make_probe
from training.package.records import (
    DATA_CARD_FILE,
    DATA_RECORD_FILE,
    MODEL_CARD_FILE,
    NOTES_FILE,
    RECIPE_FILE,
    read_bounded,
    read_report,
    read_training,
)


@dataclass(frozen=True, slots=True)
class _Data:
    """What provenance says of the training data."""

    name: str
    sha256: str
    train_sha256: str
    licences: tuple[str, ...] = ()


def write_package(
    folder: Path,
    *,
    recipe_file: Path,
    recipe: Recipe,
    task: Task,
    base_licence: str = "",
    previous: Path | None = None,
) -> None:
    """Add everything that a package has to a trained adapter's folder; done twice, the bytes are the same.

    `base_licence` counts where the base model's folder states none; `previous` is the folder of the
    version that the release notes compare with.

    Raises:
        TrainingError: the folder is no adapter, data or base model are not those of the recipe, or this
            environment has no torch.
    """
    _checked_data(folder, recipe.data, task)
    write_probe(folder, recipe=recipe, task=task)
    write_provenance(folder, recipe_file=recipe_file, recipe=recipe, task=task, base_licence=base_licence)
    write_cards(folder, task, previous)


def write_provenance(
    folder: Path, *, recipe_file: Path, recipe: Recipe, task: Task, base_licence: str = ""
) -> None:
    """Write `provenance.json`, and beside it the recipe and what the dataset says of itself.

    Raises:
        TrainingError: as `write_package`.
    """
    adapter = read_adapter(folder)
    data = _checked_data(folder, recipe.data, task)
    _keep_recipe(folder, recipe_file)
    provenance = _provenance(adapter, recipe, task, data, base_licence)
    write_whole(folder / PROVENANCE_FILE, provenance.model_dump_json(indent=2).encode() + b"\n")
    _write_data_card(folder, recipe.data, provenance)


def write_probe(folder: Path, *, recipe: Recipe, task: Task) -> bool:
    """Write `probe.json`; False where the adapter answers as the base model does, and there is none.

    Raises:
        TrainingError: as `write_package`.
    """
    adapter = read_adapter(folder)
    check_fits(adapter, recipe.base_model)
    probe = make_probe(adapter, recipe.base_model, task, _texts(recipe.data, task))
    if probe is None:
        (folder / PROBE_FILE).unlink(missing_ok=True)
        return False
    write_whole(folder / PROBE_FILE, probe.model_dump_json(indent=2).encode() + b"\n")
    return True


def write_cards(folder: Path, task: Task, previous: Path | None = None) -> None:
    """Write model card and release notes from what the folder holds, such as a new evaluation report.

    Release notes that are there stay as they are unless a version to compare with is given.

    Raises:
        PackageError: the folder is no package yet, is another task's, or holds a document that is not valid.
    """
    adapter = read_adapter(folder)
    provenance = read_provenance(folder)
    if provenance is None:
        raise PackageError(f"{folder}: has no {PROVENANCE_FILE}; make the package first")
    if (provenance.task, provenance.output_hash) != (task.name, task.output_hash):
        raise PackageError(
            f"{folder}: was trained for {provenance.task!r} with output contract {provenance.output_hash}, "
            f"not for {task.name!r} with {task.output_hash}"
        )
    facts = CardFacts(task, adapter, provenance, read_training(folder), read_report(folder, adapter.digest))
    write_whole(folder / MODEL_CARD_FILE, model_card(facts).encode())
    if previous is not None or not (folder / NOTES_FILE).exists():
        old = read_release(previous) if previous is not None else None
        write_whole(folder / NOTES_FILE, release_notes(read_release(folder), old).encode())


def _keep_recipe(folder: Path, recipe_file: Path) -> None:
    """The recipe that training has put in the folder counts; an adapter from elsewhere gets the one given."""
    if not (folder / RECIPE_FILE).exists():
        write_whole(folder / RECIPE_FILE, _required(recipe_file))


def _provenance(adapter: Adapter, recipe: Recipe, task: Task, data: _Data, base_licence: str) -> Provenance:
    base = base_model_licence(recipe.base_model) or base_licence
    licences = {"base_model": base, "data": ", ".join(data.licences)}
    versions = read_training(adapter.folder).get("versions", {})
    return Provenance(
        task=task.name,
        task_version=task.version,
        output_hash=task.output_hash,
        base_model=task.base_model,
        base_model_sha256=base_model_digest(recipe.base_model),
        dataset=data.name,
        dataset_sha256=data.sha256,
        recipe_sha256=_sha256(_required(adapter.folder / RECIPE_FILE)),
        method=str(recipe.method),
        code_version=code_version(),
        licences={name: licence for name, licence in licences.items() if licence},
        versions={str(name): str(one) for name, one in versions.items()}
        if isinstance(versions, dict)
        else {},
    )


def _checked_data(folder: Path, files: DataFiles, task: Task) -> _Data:
    """The recipe's data, if it is what the training report says that the adapter was trained on."""
    data = _data(files, task)
    trained_on = read_training(folder).get("data_sha256")
    if trained_on not in (None, data.train_sha256):
        raise PackageError(
            f"{folder}: was trained on rows of SHA-256 {str(trained_on)[:12]}; those of {data.name} "
            f"are {data.train_sha256[:12]}"
        )
    return data


def _data(files: DataFiles, task: Task) -> _Data:
    if files.dataset is not None:
        manifest = read_manifest(files.dataset)
        train = manifest.splits["train"].sha256 if "train" in manifest.splits else ""
        return _Data(f"{manifest.name}@{manifest.version}", manifest.digest, train, manifest.licences)
    if files.train is None:
        raise PackageError("the recipe names no training data")
    sha256 = read_dataset(files.train, task.output).sha256
    return _Data(files.train.name, sha256, sha256)


def _texts(files: DataFiles, task: Task) -> list[str]:
    """The task's own examples, which everybody may read; rows of the data only where it has none.

    Of these the validation rows come first, which the adapter did not learn by heart.
    """
    if task.examples:
        return list(task.examples)
    if files.dataset is not None:
        rows = read_manifest(files.dataset).splits.get("validation")
        split = "validation" if rows is not None and rows.rows else "train"
        dataset = read_split(files.dataset, split, task.output)
    elif (file := files.validation or files.train) is not None:
        dataset = read_dataset(file, task.output)
    else:
        raise PackageError("the recipe names no training data")
    return [one.text for one in dataset.examples]


def _write_data_card(folder: Path, files: DataFiles, provenance: Provenance) -> None:
    """The dataset's own card and manifest, byte for byte; else a card of what is known."""
    own = read_bounded(files.dataset / DATA_CARD_FILE) if files.dataset is not None else None
    if files.dataset is not None:
        write_whole(folder / DATA_RECORD_FILE, _required(files.dataset / MANIFEST_FILE))
    else:
        (folder / DATA_RECORD_FILE).unlink(missing_ok=True)
    card = own if own is not None else plain_data_card(provenance, read_training(folder)).encode()
    write_whole(folder / DATA_CARD_FILE, card)


def _required(path: Path) -> bytes:
    content = read_bounded(path)
    if content is None:
        raise PackageError(f"{path}: is missing")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
