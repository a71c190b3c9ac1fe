"""`firstline bench`: compare candidates on a few real examples, before any tuning."""

from __future__ import annotations

import asyncio
import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.task import Task
from training.candidates.asking import Arm, Material, arms_of, ask_arms, read_material
from training.candidates.report import BenchReport, bench_report, rows_of_table, to_markdown
from training.candidates.spec import BenchSpec, load_bench, parse_bench
from training.config import load_task
from training.data.synthesis.results import replace_file
from training.data.synthesis.wire import Reply
from training.errors import DatasetError, TrainingError

app = typer.Typer(
    help="Compare candidate models on a few real examples, before any tuning.", add_completion=False
)

_CANDIDATE_HELP = (
    "THROUGH,URL,MODEL[,NAME], as in engine,http://127.0.0.1:8000/v1,smollm2-135m; THROUGH is gateway, "
    "engine, openai or plain; may be repeated"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the command, one field each; a specification's file has them all, and prices."""

    spec_file: Annotated[
        Path | None, typer.Argument(help="the comparison, a YAML file; or give the options", dir_okay=False)
    ] = None
    task: Annotated[Path | None, typer.Option(help="the task, a YAML file")] = None
    data: Annotated[Path | None, typer.Option(help="rows of id, text and output")] = None
    candidate: Annotated[list[str] | None, typer.Option(help=_CANDIDATE_HELP)] = None
    examples: Annotated[Path | None, typer.Option(help="rows to show before the question")] = None
    shots: Annotated[list[int] | None, typer.Option(help="how many to show; may be repeated")] = None
    limit: Annotated[int | None, typer.Option(help="a sample of so many rows; 50 unless told")] = None
    concurrency: Annotated[int | None, typer.Option(help="requests at a time for each candidate; 1")] = None
    target: Annotated[float | None, typer.Option(help="the share of right answers needed; 0.95")] = None
    api_key_env: Annotated[str | None, typer.Option(help="the environment variable with the key")] = None
    out: Annotated[Path | None, typer.Option(help="the report, a JSON file")] = None
    markdown: Annotated[Path | None, typer.Option(help="the report for reading")] = None


def run(**given: Any) -> None:
    """Ask every candidate about every row, score the answers and recommend one; the last line is JSON."""
    options = Options(**given)
    console = Console(stderr=True)
    try:
        spec = _specification(options)
        task = load_task(spec.task)
        material = read_material(spec, task)
        report = bench_report(spec, task, material, _asked(spec, task, material, console))
        if options.out:
            replace_file(options.out, report.model_dump_json(indent=2).encode() + b"\n")
        if options.markdown:
            replace_file(options.markdown, to_markdown(report).encode())
    except TrainingError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    _show(report, console)
    is_answered = any(one.answered for one in report.arms)
    typer.echo(json.dumps(_summary(report, is_ok=is_answered), ensure_ascii=False))
    if not is_answered:
        raise typer.Exit(1)


# Typer reads a command's options from its signature; here they are the fields of a record.
run.__signature__ = inspect.signature(Options, eval_str=True)  # type: ignore[attr-defined]  # functions take attributes
app.command()(run)


def _specification(options: Options) -> BenchSpec:
    given = {
        "task": options.task,
        "rows": options.data,
        "examples": options.examples,
        "shots": options.shots or None,
        "limit": options.limit,
        "concurrency": options.concurrency,
        "target": options.target,
        "candidates": [_candidate(text, options.api_key_env) for text in options.candidate or ()] or None,
    }
    content = {name: value for name, value in given.items() if value is not None}
    if options.spec_file:
        if content or options.api_key_env:
            raise DatasetError("a specification says it all: only --out and --markdown go with it")
        return load_bench(options.spec_file)
    if not {"task", "rows", "candidates"} <= content.keys():
        raise DatasetError("give a specification, or --task, --data and at least one --candidate")
    return parse_bench(content, "options")


def _candidate(text: str, api_key_env: str | None) -> dict[str, str | None]:
    parts = [part.strip() for part in text.split(",", 3)]
    if len(parts) < 3:
        raise DatasetError(f"--candidate {text!r}: not THROUGH,URL,MODEL")
    through, url, model, *name = parts
    return {
        "through": through,
        "url": url,
        "model": model,
        "name": name[0] if name else "",
        "api_key_env": api_key_env,
    }


def _asked(spec: BenchSpec, task: Task, material: Material, console: Console) -> dict[str, list[Reply]]:
    with Progress(console=console, transient=True) as progress:
        bars = {arm.label: progress.add_task(arm.label, total=len(material.rows)) for arm in arms_of(spec)}

        def advance(arm: Arm) -> None:
            progress.advance(bars[arm.label])

        return asyncio.run(ask_arms(spec, task, material, advance))


def _show(report: BenchReport, console: Console) -> None:
    """Arms as columns, figures as rows, then the words."""
    table = Table("", *(one.label for one in report.arms), title=f"{report.task}, {report.rows} rows")
    for name, cells in rows_of_table(report):
        table.add_row(name, *cells)
    console.print(table)
    console.print(f"Latency: {report.latency_conditions}.", highlight=False)
    console.print(f"[bold]Recommended:[/bold] {report.advice.recommended or 'none'}", highlight=False)
    for reason in report.advice.reasons:
        console.print(f"  {reason}", highlight=False)
    console.print(f"[bold]Tuning:[/bold] {report.advice.tuning.replace('_', ' ')}", highlight=False)
    for reason in report.advice.tuning_reasons:
        console.print(f"  {reason}", highlight=False)


def _summary(report: BenchReport, *, is_ok: bool) -> dict[str, object]:
    return {
        "check": "bench",
        "ok": is_ok,
        "task": report.task,
        "rows": report.rows,
        "recommended": report.advice.recommended,
        "basis": report.advice.basis,
        "tuning": report.advice.tuning,
        "right": {one.label: round(one.right.rate, 4) for one in report.arms},
    }


if __name__ == "__main__":
    app()
