"""`firstline eval measure`: figures of served models on one data file, without a specification."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.task import Task
from training.config import load_task
from training.data.examples import Dataset, read_dataset
from training.errors import TrainingError
from training.evaluate.asking import Answer, Target, Through, ask_all
from training.evaluate.records import MeasuredReport
from training.evaluate.report import evaluation_report


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOptions:
    """The options of `measure`, one field each."""

    task: Annotated[Path, typer.Option(help="the task, a YAML file", exists=True, dir_okay=False)]
    data: Annotated[Path, typer.Option(help="the held-out rows", exists=True, dir_okay=False)]
    model: Annotated[str, typer.Option(help="the model to measure")]
    url: Annotated[str, typer.Option(help="the OpenAI-compatible URL, up to /v1")] = (
        "http://127.0.0.1:8080/v1"
    )
    compare_model: Annotated[
        list[str] | None, typer.Option(help="a model to compare with; may be repeated")
    ] = None
    through: Annotated[
        Through, typer.Option(help="a gateway knows the task; an engine is sent prompt and grammar")
    ] = Through.GATEWAY
    out: Annotated[Path | None, typer.Option(help="the report, a JSON file")] = None
    concurrency: Annotated[int, typer.Option(help="requests at a time", min=1, max=512)] = 8
    limit: Annotated[int | None, typer.Option(help="the first rows only", min=1)] = None
    api_key: Annotated[str, typer.Option(help="the key to send", envvar="FIRSTLINE_API_KEY")] = ""


def measure(**given: Any) -> None:
    """Ask every model about every row, score the answers, print a table and write the report."""
    options = MeasureOptions(**given)
    console = Console(stderr=True)
    try:
        task = load_task(options.task)
        dataset = read_dataset(options.data, task.output)
    except TrainingError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False)
        raise typer.Exit(1) from error
    if options.limit:
        dataset = Dataset(dataset.examples[: options.limit], dataset.sha256)
    targets = [
        Target(options.url, name, options.through, options.api_key, options.concurrency)
        for name in (options.model, *(options.compare_model or []))
    ]
    report = evaluation_report(task, dataset, [(target, _asked(task, dataset, target)) for target in targets])
    console.print(_table(report))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
    silent = [one for one in report.models if sum(one.errors.values()) == report.records]
    if silent:
        console.print(
            f"[red]error:[/red] {silent[0].model} answered no request: {silent[0].errors}", highlight=False
        )
        raise typer.Exit(1)


def _asked(task: Task, dataset: Dataset, target: Target) -> list[Answer]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(target.model, total=len(dataset.examples))
        return asyncio.run(ask_all(task, dataset.examples, target, lambda: progress.advance(bar)))


def _table(report: MeasuredReport) -> Table:
    """Models as columns, figures as rows."""
    table = Table("", *(one.model for one in report.models), title=f"{report.task}, {report.records} records")
    rows = {
        "fields exact": [one.fields_exact for one in report.models],
        "records exact": [one.records_exact for one in report.models],
        "schema valid": [one.schema_valid for one in report.models],
        **{f"  {name}": [one.by_field[name] for one in report.models] for name in report.models[0].by_field},
        **{
            f"  {name}": [one.by_slice[name].fields_exact for one in report.models]
            for name in report.models[0].by_slice
        },
    }
    for name, rates in rows.items():
        table.add_row(
            name, *(f"{100 * one.rate:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f})" for one in rates)
        )
    table.add_row("latency p50", *(f"{one.latency_seconds['p50']:.2f} s" for one in report.models))
    return table
