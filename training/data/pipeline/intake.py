"""From files to rows in their normal form and in an order that does not depend on the files' own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from contracts.canonical import stable_bytes
from contracts.dataset import SourceFile
from contracts.output import OutputContract
from contracts.prompt import PromptError, render_prompt
from contracts.task import Task
from training.data.examples import REPLAY_SOURCE
from training.data.pipeline.formats import identify, read_rows
from training.data.pipeline.normalise import Normaliser
from training.data.pipeline.rows import Progress, Rejected, Row, content_key
from training.data.pipeline.shapes import Shaper
from training.data.pipeline.spec import ExampleFile, Golden, Limits
from training.errors import DatasetError


@dataclass(slots=True)
class Intake:
    """What the files gave. `rows_read` counts every row, usable or not."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    files: list[SourceFile] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    rows_read: int = 0


def take_in(
    files: Sequence[ExampleFile], task: Task, contract: OutputContract, limits: Limits, progress: Progress
) -> Intake:
    """Read files under an output contract, which is not the task's own for general examples.

    Rows come sorted by file (as listed), id and content; a row without an id gets one from its content.

    Raises:
        DatasetError: a file cannot be read, or changed while it was.
    """
    intake = Intake()
    for file, name in zip(files, _names(files), strict=True):
        normaliser = Normaliser(contract, is_strict=not isinstance(file, Golden))
        shaper = Shaper(file, _instructions(task), name)
        rows = _rows_of(file, shaper, limits, progress, intake)
        normal = [normaliser.normalise(row) for row in rows]
        intake.rejected += [one for one in normal if isinstance(one, Rejected)]
        kept = [row if row.id else replace(row, id=_made_id(row)) for row in normal if isinstance(row, Row)]
        intake.rows += sorted(kept, key=_order)
        intake.notes += normaliser.counts
    return intake


def with_unique_ids(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """The first row of an id keeps it; later ones get a part of their content's hash. Also how many did."""
    seen: set[str] = set()
    renamed = 0
    unique: list[Row] = []
    for row in rows:
        name = row.id
        if name in seen:
            renamed += 1
            name = f"{row.id}~{content_key(row)[:12]}"
        while name in seen:
            name += "~"
        seen.add(name)
        unique.append(row if name == row.id else replace(row, id=name))
    return unique, renamed


def _rows_of(
    file: ExampleFile, shaper: Shaper, limits: Limits, progress: Progress, intake: Intake
) -> list[Row]:
    before = identify(file, limits)
    rows: list[Row] = []
    count = 0
    for raw in progress(read_rows(file, limits), f"read {shaper.source}"):
        count += 1
        shaped = raw if isinstance(raw, Rejected) else shaper.shape(raw)
        if isinstance(shaped, Row):
            rows.append(shaped)
        else:
            intake.rejected.append(shaped)
    if identify(file, limits).sha256 != before.sha256:
        raise DatasetError(f"{file.path}: changed while it was read")
    intake.rows_read += count
    intake.notes += shaper.counts
    intake.files.append(
        SourceFile(
            name=shaper.source,
            sha256=before.sha256,
            rows=count,
            format=before.format.value,
            licence=getattr(file, "licence", ""),
        )
    )
    return rows


def _names(files: Sequence[ExampleFile]) -> list[str]:
    """File names, numbered where two files share one: no path of the machine goes into the dataset."""
    plain = [file.path.name for file in files]
    taken = Counter(plain)
    return [
        name if taken[name] == 1 and name != REPLAY_SOURCE else f"{number}-{name}"
        for number, name in enumerate(plain, 1)
    ]


def _instructions(task: Task) -> str:
    """What the task tells the model by itself, so that a row that repeats it is recognised."""
    try:
        return render_prompt(task, "").system
    except PromptError:
        return task.instructions


def _made_id(row: Row) -> str:
    return content_key(row)[:16]


def _order(row: Row) -> tuple[str, str, str, str, str]:
    return (row.id, row.text, stable_bytes(row.output).hex(), row.group, row.slice)
