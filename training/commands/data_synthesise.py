"""`firstline data synthesise` and `firstline data distil`: examples from a teacher."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from training.config import load_task
from training.data.synthesis.distil import Distillation
from training.data.synthesis.journal import Journal
from training.data.synthesis.results import RunReport, journal_path
from training.data.synthesis.spec import DistilSpec, SynthesisSpec, TeacherRun, load_spec, read_key
from training.data.synthesis.synthesise import Synthesis
from training.data.synthesis.teacher import FELL_SILENT, TeacherClient, teacher_http
from training.errors import TrainingError

SpecFile = Annotated[Path, typer.Argument(help="the specification, a YAML file", exists=True, dir_okay=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="show the first request and ask nothing")]


def synthesise(spec_file: SpecFile, *, dry_run: DryRun = False) -> None:
    """Let a teacher write grounded examples from documents. A second run goes on where the first stopped."""

    def work() -> None:
        spec = load_spec(SynthesisSpec, spec_file)
        _execute(spec, Synthesis(spec, load_task(spec.task)), spec.count, dry_run=dry_run)

    _guarded(work)


def distil(spec_file: SpecFile, *, dry_run: DryRun = False) -> None:
    """Let a teacher answer inputs under the task's contract. A second run goes on where the first stopped."""

    def work() -> None:
        spec = load_spec(DistilSpec, spec_file)
        run = Distillation(spec, load_task(spec.task))
        _execute(spec, run, run.inputs, dry_run=dry_run)

    _guarded(work)


def add_to(app: typer.Typer) -> None:
    """Put both commands under `firstline data`."""
    app.command("synthesise")(synthesise)
    app.command("distil")(distil)


def _guarded(work: Callable[[], None]) -> None:
    console = Console(stderr=True)
    try:
        work()
    except TrainingError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        console.print("stopped; every answer is in the journal, and the same command goes on from there")
        raise typer.Exit(130) from error


def _execute(spec: TeacherRun, run: Synthesis | Distillation, wanted: int, *, dry_run: bool) -> None:
    if dry_run:
        typer.echo(json.dumps(dict(run.plan(0).body), ensure_ascii=False, indent=2))
        return
    console = Console(stderr=True)
    key = read_key(spec.teacher.api_key_env, spec.teacher.api_key_file)
    with Journal(journal_path(spec.out)) as journal, Progress(console=console, transient=True) as progress:
        bar = progress.add_task(spec.teacher.model, total=wanted)
        report = asyncio.run(
            _asked(spec, run, journal, key, lambda rows: progress.update(bar, completed=rows))
        )
    console.print(_table(report))
    console.print(f"{spec.out}: {report.rows} rows of {wanted}", soft_wrap=True)
    if report.stopped_by:
        console.print(f"[yellow]stopped early:[/yellow] {report.stopped_by}", highlight=False)
    if not report.rows:
        console.print("[red]error:[/red] no row passed; see the rejected ones beside the rows")
    if not report.rows or report.stopped_by == FELL_SILENT:
        raise typer.Exit(1)


async def _asked(
    spec: TeacherRun,
    run: Synthesis | Distillation,
    journal: Journal,
    key: str,
    on_rows: Callable[[int], None],
) -> RunReport:
    jitter = random.Random()  # noqa: S311 - waits, no secret
    async with teacher_http(spec.teacher, key) as client:
        return await run.run(TeacherClient(spec, client, journal, rng=jitter), on_rows)


def _table(report: RunReport) -> Table:
    table = Table("", "", title=f"{report.kind} for {report.task}, {report.teacher.model}", show_header=False)
    table.add_row("rows", str(report.rows))
    for reason, count in report.rejected.items():
        table.add_row(f"rejected: {reason.replace('_', ' ')}", str(count))
    if report.unanswered:
        table.add_row("unanswered", str(report.unanswered))
    for votes, count in report.agreement.items():
        table.add_row(f"{votes} samples agree", str(count))
    table.add_row("asked in this run", str(report.asked))
    table.add_row("requests in all", str(report.spent_requests))
    table.add_row("tokens in all", f"{report.spent_prompt_tokens} + {report.spent_completion_tokens}")
    if report.spent_cost_usd is not None:
        table.add_row("cost in all", f"{report.spent_cost_usd:.4f} USD")
    return table
