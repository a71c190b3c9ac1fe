"""`firstline router`: fit a bundle, measure it, explain one decision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from contracts.route import Action
from contracts.task import Task
from router.bundle import BundleManifest, RouterBundleError, save_bundle
from router.encoder import Encoder, EncoderError
from router.evaluate import evaluate
from router.explain import explain
from router.inference import DEFAULT_BUNDLE, DEFAULT_ENCODER, Router
from router.report import print_evaluation, print_explanation, print_fit
from router.rows import Row, RowsError, read_rows, read_tasks, rows_of_tasks

app = typer.Typer(help="Fit, measure and explain the router.", no_args_is_help=True)

EncoderOption = Annotated[Path, typer.Option("--encoder", help="Folder of the static encoder.")]
OutOfScopeOption = Annotated[
    str | None, typer.Option("--out-of-scope-label", help="A label to read as null (out of scope).")
]


class _MissingExtraError(Exception):
    """A library that only fitting needs is not installed."""


@app.command("fit")
def fit_command(  # noqa: PLR0917  typer: one option each
    data: Annotated[Path, typer.Option(help='JSON lines {"text", "label"}.')],
    out: Annotated[Path, typer.Option(help="Folder to write the bundle to.")],
    tasks: Annotated[
        Path | None, typer.Option(help="Folder of task files: names, actions and examples.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of folds and noisy copies.")] = 0,
    encoder: EncoderOption = DEFAULT_ENCODER,
    out_of_scope_label: OutOfScopeOption = None,
) -> None:
    """Fit a bundle from labelled rows and, with --tasks, the tasks' own examples."""
    with _clear_errors():
        manifest = _fit(_read(data, tasks, out_of_scope_label), out, seed, encoder)
        print_fit(Console(), manifest)
        _print_line("router-fit", ok=True, version=manifest.version, **manifest.metrics)


@app.command("eval")
def eval_command(  # noqa: PLR0917  typer: one option each
    data: Annotated[Path, typer.Option(help='JSON lines {"text", "label"}.')],
    model: Annotated[Path, typer.Option(help="Folder of the bundle.")] = DEFAULT_BUNDLE,
    encoder: EncoderOption = DEFAULT_ENCODER,
    out_of_scope_label: OutOfScopeOption = None,
    min_accuracy: Annotated[float, typer.Option(help="Fail below this accuracy.", min=0, max=1)] = 0.0,
    max_ece: Annotated[float, typer.Option(help="Fail above this ECE.", min=0, max=1)] = 1.0,
) -> None:
    """Measure a bundle on labelled rows; the last line is JSON, the exit code 0 when the targets hold."""
    with _clear_errors():
        router = Router.load(model, Encoder.load(encoder))
        evaluation = evaluate(router, read_rows(data, out_of_scope_label))
    print_evaluation(Console(), evaluation, router.version)
    ok = evaluation.accuracy >= min_accuracy and evaluation.ece_after <= max_ece
    _print_line("router-eval", ok=ok, version=router.version, **evaluation.figures())
    if not ok:
        raise typer.Exit(1)


@app.command("explain")
def explain_command(
    text: Annotated[str, typer.Argument(help="The text to decide on.")],
    model: Annotated[Path, typer.Option(help="Folder of the bundle.")] = DEFAULT_BUNDLE,
    encoder: EncoderOption = DEFAULT_ENCODER,
    has_tools: Annotated[bool, typer.Option("--has-tools", help="The request brings tools.")] = False,
) -> None:
    """Show a decision, the classes with their thresholds, and the words that carried it."""
    with _clear_errors():
        router = Router.load(model, Encoder.load(encoder))
    print_explanation(Console(), explain(router, text, has_tools=has_tools))


def _read(
    data: Path, folder: Path | None, out_of_scope_label: str | None
) -> tuple[tuple[Row, ...], tuple[Task, ...]]:
    rows = read_rows(data, out_of_scope_label)
    if folder is None:
        return rows, ()
    tasks = read_tasks(folder)
    known = {task.name for task in tasks}
    for row in rows:
        if row.task is not None and row.task not in known:
            raise RowsError(
                f"{row.place}: label: {row.task!r} is no task; tasks are {', '.join(sorted(known))}"
            )
    return (*rows_of_tasks(tasks), *rows), tasks


def _fit(
    read: tuple[tuple[Row, ...], tuple[Task, ...]], out: Path, seed: int, encoder: Path
) -> BundleManifest:
    try:
        from router.fit import FitSettings, fit  # noqa: PLC0415  needs the extra `fit`
    except ModuleNotFoundError as error:
        raise _MissingExtraError(
            f"fitting needs {error.name}; install it with: pip install 'firstline[fit]'"
        ) from error
    rows, tasks = read
    actions: dict[str, Action] = {task.name: task.action for task in tasks}
    bundle = fit(rows, actions, Encoder.load(encoder), FitSettings(seed=seed))
    return save_bundle(bundle, out, datetime.now(UTC))


def _print_line(check: str, *, ok: bool, **figures: object) -> None:
    typer.echo(orjson.dumps({"check": check, "ok": ok, **figures}).decode())


@contextmanager
def _clear_errors() -> Iterator[None]:
    """What the user can mend becomes one line on the error stream and exit code 2."""
    try:
        yield
    except (RowsError, RouterBundleError, EncoderError, _MissingExtraError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        typer.echo(f"error: {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(2) from error
