"""`firstline data build`, `show` and `verify`: a dataset from a specification, its figures, its integrity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from contracts.dataset import SPLITS, DatasetManifest
from training.errors import TrainingError

if TYPE_CHECKING:
    from training.data.pipeline.report import BuildReport  # numpy and tokenizers, which --help can do without

_T = TypeVar("_T")

SpecFile = Annotated[Path, typer.Argument(help="the specification, a YAML file", exists=True, dir_okay=False)]
OutFolder = Annotated[
    Path | None, typer.Option(help="where the dataset's folder goes, in place of the specification's `out`")
]
Built = Annotated[Path, typer.Argument(help="a built dataset, NAME@VERSION", exists=True, file_okay=False)]


def build(spec: SpecFile, out: OutFolder = None) -> None:
    """Build an immutable dataset: normalise, verify, redact, deduplicate, split, check for leakage, report.

    A dataset that fails its gate is written too, so that its report can be read, and the command exits 1.
    """
    from training.data.pipeline.run import build_dataset  # noqa: PLC0415 - numpy and tokenizers

    console = Console(stderr=True)
    try:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        ) as bars:
            built = build_dataset(spec, out, progress=_Bars(bars))
    except TrainingError as error:
        _fail(console, error)
    _show(console, built.manifest, built.report)
    typer.echo(built.folder)
    if not built.manifest.passed:
        raise typer.Exit(1)


def show(folder: Built) -> None:
    """Show the figures of a built dataset; data-card.md in its folder says more."""
    from training.data.examples import read_manifest  # noqa: PLC0415 - with the next
    from training.data.pipeline.check import read_report  # noqa: PLC0415 - numpy

    console = Console(stderr=True)
    try:
        manifest, report = read_manifest(folder), read_report(folder)
    except TrainingError as error:
        _fail(console, error)
    _show(Console(), manifest, report)


def verify(folder: Built) -> None:
    """Hash a built dataset's files again and read every row again; exits 1 where it is not what it says."""
    from training.data.pipeline.check import verify_dataset  # noqa: PLC0415 - numpy

    console = Console(stderr=True)
    try:
        verified = verify_dataset(folder)
    except TrainingError as error:
        _fail(console, error)
    manifest = verified.manifest
    rows = sum(split.rows for split in manifest.splits.values())
    gate = "its gate passed it" if manifest.passed else "its gate did NOT pass it, so it cannot be trained on"
    typer.echo(f"{manifest.name}@{manifest.version}: {rows} rows are as its manifest says; {gate}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (build, show, verify):
        app.command()(command)


class _Bars:
    """One progress bar for each step."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars

    def __call__(self, items: Iterable[_T], step: str, total: int | None = None) -> Iterator[_T]:
        task = self._bars.add_task(step, total=total)
        yield from self._bars.track(items, task_id=task, total=total)


def _fail(console: Console, error: TrainingError) -> NoReturn:
    console.print("error:", style="red", end=" ")
    console.print(str(error), highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1) from error


def _show(console: Console, manifest: DatasetManifest, report: BuildReport) -> None:
    table = Table("", *SPLITS, title=f"{manifest.name}@{manifest.version}")
    table.add_row("rows", *(str(report.splits[name]) for name in SPLITS))
    for label in dict.fromkeys(label for counts in report.balance.values() for label in counts):
        table.add_row(f"  {label}", *(str(report.balance.get(name, {}).get(label, 0)) for name in SPLITS))
    for part, figures in (("prompt", report.prompt_tokens), ("completion", report.completion_tokens)):
        if figures:
            table.add_row(
                f"{part} tokens, p95 (longest)",
                *(f"{figures[name].p95} ({figures[name].longest})" for name in SPLITS),
            )
    console.print(table)
    console.print(_steps(report))
    for problem in manifest.problems:
        console.print(f"problem: {problem}", style="red", markup=False, highlight=False)
    verdict = "the gate passed it" if manifest.passed else "the gate did not pass it: it cannot be trained on"
    console.print(verdict, style="green" if manifest.passed else "red")


def _steps(report: BuildReport) -> Table:
    table = Table("step or reason", "rows in", "rows out")
    for step in report.steps:
        table.add_row(step.name, str(step.rows_in), str(step.rows_out))
    for reason, count in report.rejected.items():
        table.add_row(f"  rejected: {reason}", "", str(count))
    found = ", ".join(f"{name} {one.found}" for name, one in report.personal_data.items() if one.found)
    table.add_row(f"personal data found: {found or 'none'}", "", "")
    table.add_row(f"alike to another split or golden set: {report.leaks_left} left", "", "")
    return table
