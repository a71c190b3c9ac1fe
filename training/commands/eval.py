"""`firstline eval`: ask served models about held-out examples, and score what they answer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.task import Task
from training.config import load_task
from training.data.examples import Dataset, read_dataset
from training.errors import TrainingError
from training.evaluate.asking import Answer, Target, Through, ask_all
from training.evaluate.report import EvaluationReport, evaluation_report

app = typer.Typer(help="Measure a served model on held-out examples.", add_completion=False)

TaskFile = Annotated[Path, typer.Option("--task", help="the task, a YAML file", exists=True, dir_okay=False)]
DataFile = Annotated[Path, typer.Option("--data", help="the held-out rows", exists=True, dir_okay=False)]
Url = Annotated[str, typer.Option(help="the OpenAI-compatible URL, up to /v1")]
Model = Annotated[str, typer.Option(help="the model to measure")]
Others = Annotated[list[str] | None, typer.Option(help="a model to compare with; may be repeated")]
Way = Annotated[Through, typer.Option(help="a gateway knows the task; an engine is sent prompt and grammar")]
OutFile = Annotated[Path | None, typer.Option(help="the report, a JSON file")]
Concurrency = Annotated[int, typer.Option(help="requests at a time", min=1, max=512)]
Limit = Annotated[int | None, typer.Option(help="the first rows only", min=1)]


@app.command()
def run(  # noqa: PLR0913, PLR0917 - each parameter is an option of the command
    task_file: TaskFile,
    data_file: DataFile,
    model: Model,
    url: Url = "http://127.0.0.1:8080/v1",
    compare_model: Others = None,
    through: Way = Through.GATEWAY,
    out: OutFile = None,
    concurrency: Concurrency = 8,
    limit: Limit = None,
) -> None:
    """Ask, score, print a table and write the report. The key is read from FIRSTLINE_API_KEY if it is set."""
    console = Console(stderr=True)
    try:
        task = load_task(task_file)
        dataset = read_dataset(data_file, task.output)
    except TrainingError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False)
        raise typer.Exit(1) from error
    if limit:
        dataset = Dataset(dataset.examples[:limit], dataset.sha256)
    key = os.environ.get("FIRSTLINE_API_KEY", "")
    targets = [Target(url, name, through, key, concurrency) for name in (model, *(compare_model or []))]
    report = evaluation_report(task, dataset, [(target, _asked(task, dataset, target)) for target in targets])
    console.print(_table(report))
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
    if all(len(one.errors) and sum(one.errors.values()) == report.records for one in report.models):
        console.print(f"[red]error:[/red] no request to {url} was answered: {report.models[0].errors}")
        raise typer.Exit(1)


def _asked(task: Task, dataset: Dataset, target: Target) -> list[Answer]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(target.model, total=len(dataset.examples))
        return asyncio.run(ask_all(task, dataset.examples, target, lambda: progress.advance(bar)))


def _table(report: EvaluationReport) -> Table:
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


if __name__ == "__main__":
    app()
