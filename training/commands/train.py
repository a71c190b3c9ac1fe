"""`firstline train`: train the adapter that a recipe describes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.config import DataFiles, Recipe, load_recipe, load_task
from training.errors import MissingLibraryError, RecipeError, TrainingError
from training.package.build import write_package
from training.recipes.checkpoint import Start
from training.recipes.report import TrainingReport
from training.recipes.run import RunOptions, is_main_process, train

app = typer.Typer(help="Train a LoRA adapter from a recipe.", add_completion=False)

RecipeFile = Annotated[Path, typer.Argument(help="the recipe, a YAML file", exists=True, dir_okay=False)]
BaseFolder = Annotated[Path | None, typer.Option(help="the base model's folder, in place of the recipe's")]
Data = Annotated[
    Path | None,
    typer.Option(help="a file of training rows or a built dataset's folder, in place of the recipe's"),
]
OutFolder = Annotated[
    Path | None, typer.Option(help="where the adapter goes, in place of the recipe's folder")
]
Steps = Annotated[int | None, typer.Option(help="train so many steps in all", min=1)]
StopAfter = Annotated[
    int | None, typer.Option(help="stop after this step with a checkpoint, to go on with --resume", min=1)
]
Resume = Annotated[bool, typer.Option("--resume", help="go on from the last checkpoint")]
Restart = Annotated[bool, typer.Option("--restart", help="throw the checkpoints of an unfinished run away")]
Previous = Annotated[
    Path | None, typer.Option(help="the folder of the version before, for the release notes", file_okay=False)
]
Processes = Annotated[
    int, typer.Option(help="train with so many processes, one for each accelerator", min=1, max=1024)
]


@app.command()
def run(  # noqa: PLR0913, PLR0917 - the options of the command line
    recipe_file: RecipeFile,
    base: BaseFolder = None,
    data: Data = None,
    out: OutFolder = None,
    max_steps: Steps = None,
    stop_after: StopAfter = None,
    resume: Resume = False,
    restart: Restart = False,
    previous: Previous = None,
    processes: Processes = 1,
) -> None:
    """Train, and write adapter, report, probe, provenance and cards to the recipe's folder.

    Ctrl-C ends a run after the step it is in, with a checkpoint: `--resume` goes on to the same weights.
    """
    console = Console(stderr=True)
    try:
        recipe = _overridden(load_recipe(recipe_file), base, data, out, max_steps)
        start = _start(resume, restart)
        if processes > 1 and "WORLD_SIZE" not in os.environ:
            given: dict[str, object] = {
                "base": base,
                "data": data,
                "out": out,
                "max-steps": max_steps,
                "stop-after": stop_after,
            }
            given["previous"] = previous
            raise typer.Exit(_launch(processes, [str(recipe_file), *_options(given, start)]))
        options = RunOptions(recipe_file, start, stop_after, console)
        report = train(recipe, options)
        if is_main_process():
            _package(recipe, recipe_file, previous)
    except TrainingError as error:
        if is_main_process():
            console.print(f"[red]error:[/red] {error}", highlight=False)
        raise typer.Exit(1) from error
    if is_main_process():
        console.print(_summary(recipe, report), soft_wrap=True, highlight=False)


def _package(recipe: Recipe, recipe_file: Path, previous: Path | None) -> None:
    task = load_task(recipe.task)
    licence = recipe.base_licence
    write_package(
        recipe.out, recipe_file=recipe_file, recipe=recipe, task=task, base_licence=licence, previous=previous
    )


def _summary(recipe: Recipe, report: TrainingReport) -> str:
    memory = f", {report.peak_memory_mb} MB of accelerator memory" if report.peak_memory_mb else ""
    validation = f", validation loss {report.validation_loss:.4f}" if report.validation_loss else ""
    dropped = f", {report.dropped_examples} examples dropped as too long" if report.dropped_examples else ""
    early = f" (stopped early; stored are the weights after step {report.best_step})"
    return (
        f"{recipe.out}: {report.steps} steps{early if report.stopped_early and report.best_step else ''}, "
        f"loss {report.final_loss:.4f}{validation}, {report.tokens_per_second:.0f} tokens/s on "
        f"{report.device}{memory}{dropped}, adapter {report.adapter_bytes:,} bytes"
    )


def _start(resume: bool, restart: bool) -> Start:
    if resume and restart:
        raise RecipeError("--resume and --restart contradict each other")
    if resume:
        return Start.RESUME
    return Start.RESTART if restart else Start.FRESH


def _options(given: Mapping[str, object], start: Start) -> list[str]:
    flag = [] if start is Start.FRESH else [f"--{start.value}"]
    return [*(f"--{name}={value}" for name, value in given.items() if value is not None), *flag]


def _launch(processes: int, arguments: Sequence[str]) -> int:
    """Start this command again, as so many processes that find each other, as `accelerate launch` does."""
    if importlib.util.find_spec("torch") is None:
        raise MissingLibraryError("torch")
    launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", str(processes))
    command = [sys.executable, "-m", *launcher, "-m", "training.commands.train", *arguments]
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    environment = {"OMP_NUM_THREADS": threads, **os.environ}
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own command


def _overridden(
    recipe: Recipe, base: Path | None, data: Path | None, out: Path | None, max_steps: int | None
) -> Recipe:
    update: dict[str, object] = {}
    if base:
        update["base_model"] = base
    if out:
        update["out"] = out
    if data:
        update["data"] = _data(recipe, data)
    if max_steps:
        update["schedule"] = recipe.schedule.model_copy(update={"max_steps": max_steps})
    return recipe.model_copy(update=update)


def _data(recipe: Recipe, data: Path) -> DataFiles:
    if data.is_dir():
        return DataFiles(dataset=data, overlong=recipe.data.overlong)
    return DataFiles(train=data, validation=recipe.data.validation, overlong=recipe.data.overlong)


if __name__ == "__main__":
    app()
