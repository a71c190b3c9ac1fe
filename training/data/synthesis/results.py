"""What a run leaves: rows, rejected candidates with their reasons, and a report for the data card."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.canonical import JsonValue
from contracts.output import JsonObjectOutput, JsonSchemaOutput
from contracts.task import Task
from training.data.synthesis.purse import Spent
from training.data.synthesis.spec import TeacherRun
from training.data.synthesis.verdicts import Candidate, Rejected
from training.errors import DatasetError
from training.recipes.encode import target_text


class TeacherNote(BaseModel):
    """Whose answers these are, as the specification states it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    version: str
    licence: str


class RunReport(BaseModel):
    """One run; `spent` counts over all runs with the same journal. `stopped_by` names a cap, or is empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    kind: Literal["synthesis", "distillation"]
    task: str
    task_version: str
    output_hash: str
    teacher: TeacherNote
    created_at: datetime
    seed: int
    rows: int
    rows_sha256: str
    wanted: int
    rejected: dict[str, int]
    unanswered: int
    agreement: dict[int, int] = Field(default_factory=dict)
    asked: int
    spent_requests: int
    spent_prompt_tokens: int
    spent_completion_tokens: int
    spent_cost_usd: float | None
    stopped_by: str


class Results:
    """Gathers what a run makes, and writes it beside `out`: `.rejected.jsonl` and `.report.json`."""

    def __init__(self, run: TeacherRun, task: Task, kind: Literal["synthesis", "distillation"]) -> None:
        self._run = run
        self._task = task
        self._kind = kind
        self.rejected: list[Rejected] = []
        self.agreement: Counter[int] = Counter()
        self.unanswered = 0
        self.asked = 0
        self.stopped_by = ""
        self.spent = Spent()

    def write(self, candidates: Sequence[Candidate], wanted: int) -> RunReport:
        """Put all three files in place, each at once or not at all.

        Raises:
            DatasetError: a file cannot be written.
        """
        out = self._run.out
        rows = _lines(self._row(candidate) for candidate in candidates)
        report = self._report(len(candidates), hashlib.sha256(rows).hexdigest(), wanted)
        rejected = _lines({"schema_version": 1, **asdict(one)} for one in self.rejected)
        replace_file(out, rows)
        replace_file(out.with_suffix(".rejected.jsonl"), rejected)
        replace_file(out.with_suffix(".report.json"), report.model_dump_json(indent=2).encode() + b"\n")
        return report

    def _row(self, candidate: Candidate) -> dict[str, JsonValue]:
        output = candidate.output
        if isinstance(self._task.output, JsonSchemaOutput | JsonObjectOutput):
            output = json.loads(target_text(self._task, output))
        row: dict[str, JsonValue] = {"id": candidate.id, "text": candidate.text, "output": output}
        labels = {"group": candidate.group, "slice": candidate.slice, "source": candidate.source}
        return {**row, **{name: label for name, label in labels.items() if label}}

    def _report(self, rows: int, sha256: str, wanted: int) -> RunReport:
        teacher = self._run.teacher
        return RunReport(
            kind=self._kind,
            task=self._task.name,
            task_version=self._task.version,
            output_hash=self._task.output_hash,
            teacher=TeacherNote(model=teacher.model, version=teacher.version, licence=teacher.licence),
            created_at=datetime.now(UTC),
            seed=self._run.seed,
            rows=rows,
            rows_sha256=sha256,
            wanted=wanted,
            rejected=dict(Counter(one.reason for one in self.rejected).most_common()),
            unanswered=self.unanswered,
            agreement=dict(sorted(self.agreement.items())),
            asked=self.asked,
            spent_requests=self.spent.requests,
            spent_prompt_tokens=self.spent.prompt_tokens,
            spent_completion_tokens=self.spent.completion_tokens,
            spent_cost_usd=round(self.spent.cost_usd, 9) if teacher.prices else None,
            stopped_by=self.stopped_by,
        )


def journal_path(out: Path) -> Path:
    """Where the journal of a run lies."""
    return out.with_suffix(".journal.jsonl")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside its place, then move it there.

    Raises:
        DatasetError: it cannot be written; what was there stays.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise DatasetError(f"{path}: cannot be written: {error}") from error


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return text.encode("utf-8", "replace")
