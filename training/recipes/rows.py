"""The rows of a run: read from files or a built dataset that passed its gate, and encoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.dataset import DatasetManifest
from contracts.task import Task
from training.config import DataFiles, Method, Recipe
from training.data.examples import Dataset, Example, read_dataset, read_manifest, read_split
from training.errors import DatasetError, DatasetRefusedError
from training.recipes.encode import ChatTokenizer, EncodedExample, EncodedPair, encode_examples, encode_pairs
from training.recipes.preflight import fitting, fitting_pairs


@dataclass(frozen=True, slots=True)
class Rows:
    """What a recipe trains and validates on; `name` and `digest` are empty unless it is a built dataset."""

    train: Dataset
    validation: Dataset | None
    name: str = ""
    digest: str = ""

    @property
    def sources(self) -> dict[str, int]:
        """How many training rows each source gave."""
        return dict(sorted(Counter(one.source for one in self.train.examples if one.source).items()))


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Encoded examples, or pairs for a preference method; `dropped` are the ids that did not fit."""

    train: list[EncodedExample]
    validation: list[EncodedExample]
    train_pairs: list[EncodedPair]
    validation_pairs: list[EncodedPair]
    dropped: tuple[str, ...]


def read_rows(recipe: Recipe, task: Task) -> Rows:
    """Read what the recipe names, and refuse what must not be trained on.

    Raises:
        DatasetError: a file cannot be read or breaks the task's contract, or the method finds nothing in it.
        DatasetRefusedError: the built dataset failed its gate or is not the one that was asked for.
    """
    rows = _read(recipe.data, task)
    if recipe.stopping is not None and rows.validation is None:
        raise DatasetError(f"{_place(recipe.data)}: no validation rows, whose loss 'stopping' watches")
    if recipe.method is Method.DPO and not _paired(rows.train.examples):
        raise DatasetError(f"{_place(recipe.data)}: no row has a 'rejected_output', which dpo learns from")
    distillation = recipe.distillation
    if recipe.method is Method.DISTILLATION and (distillation is None or distillation.teacher is None):
        nameless = [one.id for one in rows.train.examples if not one.source]
        if nameless:
            raise DatasetError(
                f"{_place(recipe.data)}: {len(nameless)} rows, {nameless[0]!r} first, name no teacher in "
                "'source'; without distillation.teacher the rows must be a teacher's answers"
            )
    return rows


def encode_rows(recipe: Recipe, task: Task, rows: Rows, tokenizer: ChatTokenizer) -> EncodedRows:
    """Encode training and validation rows, and leave out what does not fit if the recipe says so.

    Raises:
        ChatTemplateError: the chat template cannot mark where the completion starts.
        DatasetError: the task's prompt cannot be rendered for a row, or no pair differs.
        TruncatedExampleError: rows do not fit, and the recipe does not say to drop them.
    """
    limit, policy = recipe.schedule.max_tokens, recipe.data.overlong
    sets = [rows.train.examples, rows.validation.examples if rows.validation else ()]
    if recipe.method is not Method.DPO:
        encoded = [fitting(encode_examples(task, one, tokenizer), limit, policy) for one in sets]
        (train, left), (validation, left_too) = encoded
        return EncodedRows(train, validation, [], [], (*left, *left_too))
    pairs = [fitting_pairs(encode_pairs(task, one, tokenizer), limit, policy) for one in sets]
    (train_pairs, left), (validation_pairs, left_too) = pairs
    if not train_pairs:
        raise DatasetError(f"{_place(recipe.data)}: in no row the rejected output differs from the output")
    if recipe.stopping is not None and not validation_pairs:
        raise DatasetError(f"{_place(recipe.data)}: 'stopping' needs validation rows with a rejected output")
    return EncodedRows([], [], train_pairs, validation_pairs, (*left, *left_too))


def _read(data: DataFiles, task: Task) -> Rows:
    if data.dataset is not None:
        return _read_built(data.dataset, data.dataset_sha256, task)
    if data.train is None:
        raise DatasetError("the recipe names no training rows")
    validation = read_dataset(data.validation, task.output) if data.validation else None
    return Rows(read_dataset(data.train, task.output), validation)


def _read_built(folder: Path, pinned: str | None, task: Task) -> Rows:
    manifest = read_manifest(folder)
    if reasons := _objections(manifest, pinned, task):
        raise DatasetRefusedError(folder, reasons)
    has_validation = manifest.splits.get("validation") is not None and manifest.splits["validation"].rows > 0
    return Rows(
        train=read_split(folder, "train", task.output),
        validation=read_split(folder, "validation", task.output) if has_validation else None,
        name=f"{manifest.name}@{manifest.version}",
        digest=manifest.digest,
    )


def _objections(manifest: DatasetManifest, pinned: str | None, task: Task) -> list[str]:
    reasons = []
    if not manifest.passed:
        reasons.append(f"it failed its gate: {'; '.join(manifest.problems) or 'no reason was recorded'}")
    if manifest.task != task.name:
        reasons.append(f"it was built for the task {manifest.task!r}, not {task.name!r}")
    if manifest.output_hash != task.output_hash:
        reasons.append(
            f"its rows keep the output contract {manifest.output_hash}, the task's is {task.output_hash}; "
            "build it again"
        )
    if pinned is not None and manifest.digest != pinned:
        reasons.append(f"the recipe pins dataset_sha256 {pinned[:12]}, this is {manifest.digest[:12]}")
    return reasons


def _paired(examples: Sequence[Example]) -> int:
    return sum(one.rejected_output is not None for one in examples)


def _place(data: DataFiles) -> str:
    return str(data.dataset or data.train)
