"""The folder of a run that goes on: checkpoints beside the adapter's folder, and whose they are."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.artifact import digest_of
from contracts.canonical import JsonValue, Sha256, content_hash, stable_bytes
from contracts.task import Task
from training.config import Recipe
from training.errors import CheckpointError
from training.recipes.preflight import weight_files
from training.recipes.rows import Rows

_RUN_FILE: Final = "run.json"
_WRITTEN_LAST: Final = "trainer_state.json"
_PREFIX: Final = "checkpoint-"
_OUTSIDE: Final = {"task", "base_model", "base_model_sha256", "base_licence", "data", "out", "tensorboard"}
"""Fields that are paths, or change nothing of the weights; what they name is hashed by content."""


class Start(StrEnum):
    """What happens to the checkpoints of an unfinished run: an error, go on, or throw them away."""

    FRESH = "fresh"
    RESUME = "resume"
    RESTART = "restart"


class _RunIdentity(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    fingerprint: Sha256


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`<out>.run`: `run.json` says which recipe, rows and weights its checkpoints belong to."""

    path: Path
    fingerprint: str

    def checkpoint(self, start: Start) -> Path | None:
        """The checkpoint to go on from, None to start from the beginning. Changes nothing on disk.

        Raises:
            CheckpointError: there is none to resume, it belongs to another run, or it would be lost.
        """
        latest = self._latest()
        match start:
            case Start.RESTART:
                return None
            case Start.FRESH:
                if latest is not None:
                    raise CheckpointError(
                        f"{self.path}: holds {latest.name} of a run that was not finished; go on with "
                        "--resume, or throw it away with --restart"
                    )
                return None
            case Start.RESUME:
                if latest is None:
                    raise CheckpointError(f"{self.path}: there is no checkpoint to resume")
                self._check_owner()
                return latest

    def open(self, checkpoint: Path | None) -> None:
        """Make the folder, empty unless the run goes on from a checkpoint.

        Raises:
            CheckpointError: it cannot be written.
        """
        try:
            if checkpoint is None and self.path.exists():
                shutil.rmtree(self.path)
            self.path.mkdir(parents=True, exist_ok=True)
            identity = _RunIdentity(fingerprint=self.fingerprint)
            (self.path / _RUN_FILE).write_text(identity.model_dump_json(indent=2) + "\n", "utf-8")
        except OSError as error:
            raise CheckpointError(f"{self.path}: cannot be written: {error}") from error

    def remove(self) -> None:
        """A run that ended, well or not, needs its checkpoints no more."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _latest(self) -> Path | None:
        """The last one that was written to its end."""
        steps = {
            int(number): folder
            for folder in self.path.glob(f"{_PREFIX}*")
            if (number := folder.name.removeprefix(_PREFIX)).isdecimal()
            and (folder / _WRITTEN_LAST).is_file()
        }
        return steps[max(steps)] if steps else None

    def _check_owner(self) -> None:
        try:
            owner = _RunIdentity.model_validate_json((self.path / _RUN_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise CheckpointError(f"{self.path / _RUN_FILE}: cannot be read: {error}") from error
        if owner.fingerprint != self.fingerprint:
            raise CheckpointError(
                f"{self.path}: its checkpoints are of another run: recipe, task, rows, base model and number "
                "of processes must be the same. Throw them away with --restart"
            )


def run_folder(recipe: Recipe, task: Task, rows: Rows, processes: int) -> RunFolder:
    """The folder for a run, and the fingerprint of all that its weights depend on."""
    settings = recipe.model_dump(mode="json", exclude=_OUTSIDE)
    teacher = recipe.distillation.teacher if recipe.distillation else None
    if teacher is not None:
        settings["distillation"]["teacher"] = _weights_digest(teacher)
    content: dict[str, JsonValue] = {
        "settings": settings,
        "task": task.version,
        "base_model": _weights_digest(recipe.base_model),
        "overlong": recipe.data.overlong.value,
        "train": rows.train.sha256,
        "validation": rows.validation.sha256 if rows.validation else "",
        "processes": processes,
    }
    return RunFolder(recipe.out.with_name(f"{recipe.out.name}.run"), content_hash(stable_bytes(content)))


def _weights_digest(folder: Path) -> str:
    return digest_of(folder, [file.name for file in weight_files(folder)])
