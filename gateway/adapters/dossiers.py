"""What is added to adapter versions after they were stored: evaluations, and whether they are retired."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.canonical import Sha256
from contracts.evaluation import REPORT_FILE, GateReport
from gateway.adapters._files import replace_synced
from gateway.errors import ConflictError, InternalError, InvalidRequestError

_log = structlog.get_logger(__name__)

MAX_REPORT_BYTES: Final = 4 * 1024**2
MAX_EVALUATIONS: Final = 32
"""Reports that may be attached to one version."""
MAX_RETIREMENT_BYTES: Final = 16 * 1024
_EVALUATIONS: Final = ".evaluations"
_RETIRED: Final = ".retired"


class Retirement(BaseModel):
    """When a version was taken out of service, by whom and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    at: datetime
    by: str = Field(max_length=100)
    reason: str = Field(default="", max_length=500)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report on one version: from its own package, or attached later."""

    report: GateReport
    sha256: Sha256
    source: Literal["package", "attached"]


class Dossiers:
    """Lies beside the immutable folders: `.evaluations/<name>/<sha256>.json` and `.retired/<name>.json`.

    Each file appears whole. Methods block; call them in a thread. What writes raises InternalError where the
    disk does not take it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def attach(self, name: str, content: bytes) -> Evaluation:
        """Keep a report; the same one twice is kept once.

        Raises:
            InvalidRequestError: it is no gate report, or too large.
            ConflictError: the version has as many reports as it may have.
        """
        evaluation = Evaluation(read_report(content), hashlib.sha256(content).hexdigest(), "attached")
        if self.has_room(name, evaluation.sha256):
            _write(self._root / _EVALUATIONS / name / f"{evaluation.sha256}.json", content)
        return evaluation

    def has_room(self, name: str, sha256: str) -> bool:
        """Whether a report would be added; False where it is there. Raises ConflictError where none fits."""
        attached = self.attached(name)
        if sha256 in attached:
            return False
        if len(attached) >= MAX_EVALUATIONS:
            raise ConflictError(
                f"{name} has {MAX_EVALUATIONS} evaluations attached, which is the most there are"
            )
        return True

    def attached(self, name: str) -> tuple[str, ...]:
        """The SHA-256 of every attached report."""
        try:
            found = sorted(path.name for path in (self._root / _EVALUATIONS / name).iterdir())
        except OSError:
            return ()
        return tuple(file.removesuffix(".json") for file in found if not file.startswith("."))

    def report_bytes(self, name: str, sha256: str) -> bytes:
        """One attached report as it was given."""
        return (self._root / _EVALUATIONS / name / f"{sha256}.json").read_bytes()

    def evaluations(self, name: str, package: Path) -> tuple[Evaluation, ...]:
        """The reports on a version, newest first; a file of another format is no evaluation."""
        found = [_evaluation(package / REPORT_FILE, "package")]
        folder = self._root / _EVALUATIONS / name
        found += [_evaluation(folder / f"{sha256}.json", "attached") for sha256 in self.attached(name)]
        whole = {each.sha256: each for each in reversed(found) if each is not None}
        return tuple(sorted(whole.values(), key=lambda each: each.report.created_at, reverse=True))

    def retire(self, name: str, retirement: Retirement) -> None:
        """Note that a version is out of service."""
        _write(self._root / _RETIRED / f"{name}.json", retirement.model_dump_json().encode())

    def revive(self, name: str) -> bool:
        """Take a retirement back; False where there was none."""
        path = self._root / _RETIRED / f"{name}.json"
        was_retired = path.exists()
        path.unlink(missing_ok=True)
        return was_retired

    def retired(self, known: Mapping[str, Retirement]) -> dict[str, Retirement]:
        """Every retirement by name; one that is `known` is not read again."""
        try:
            names = [path.stem for path in (self._root / _RETIRED).glob("[!.]*.json")]
        except OSError:
            return dict(known)
        found = {name: known.get(name) or self.retirement(name) for name in names}
        return {name: retirement for name, retirement in found.items() if retirement is not None}

    def retirement(self, name: str) -> Retirement | None:
        """Whether one version is retired."""
        try:
            with (self._root / _RETIRED / f"{name}.json").open("rb") as file:
                return Retirement.model_validate_json(file.read(MAX_RETIREMENT_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _log.error("adapter_retirement_unreadable", adapter=name, error=type(error).__name__)
            return None

    def forget(self, name: str) -> None:
        """Drop the evaluations of a version whose files are gone; that it was retired stays known."""
        shutil.rmtree(self._root / _EVALUATIONS / name, ignore_errors=True)


def read_report(content: bytes) -> GateReport:
    """Read a gate report.

    Raises:
        InvalidRequestError: it is none, or too large; says which field is at fault.
    """
    if len(content) > MAX_REPORT_BYTES:
        raise InvalidRequestError(f"an evaluation report is at most {MAX_REPORT_BYTES} bytes")
    try:
        return GateReport.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InvalidRequestError(
            f"this is no evaluation report of `firstline eval`: {where}: {first['msg']}"
        ) from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_synced(path, content)
    except OSError as error:
        raise InternalError(f"the adapter store cannot be written: {error.strerror}") from error


def _evaluation(path: Path, source: Literal["package", "attached"]) -> Evaluation | None:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_REPORT_BYTES + 1)
        return Evaluation(read_report(content), hashlib.sha256(content).hexdigest(), source)
    except (OSError, InvalidRequestError):
        return None
