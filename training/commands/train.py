"""`firstline train`: train the adapter that a recipe describes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.config import Recipe, load_recipe
from training.errors import TrainingError
from training.recipes.lora import train
from training.recipes.store import copy_recipe

app = typer.Typer(help="Train a LoRA adapter from a recipe.", add_completion=False)

RecipeFile = Annotated[Path, typer.Argument(help="the recipe, a YAML file", exists=True, dir_okay=False)]
BaseFolder = Annotated[Path | None, typer.Option(help="the base model's folder, in place of the recipe's")]
DataFile = Annotated[Path | None, typer.Option(help="the training rows, in place of the recipe's")]
OutFolder = Annotated[
    Path | None, typer.Option(help="where the adapter goes, in place of the recipe's folder")
]
Steps = Annotated[int | None, typer.Option(help="stop after this many steps", min=1)]


@app.command()
def run(
    recipe_file: RecipeFile,
    base: BaseFolder = None,
    data: DataFile = None,
    out: OutFolder = None,
    max_steps: Steps = None,
) -> None:
    """Train, and write adapter, recipe and report to the recipe's folder."""
    console = Console(stderr=True)
    try:
        recipe = _overridden(load_recipe(recipe_file), base, data, out, max_steps)
        report = train(recipe)
        copy_recipe(recipe_file, recipe.out)
    except TrainingError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False)
        raise typer.Exit(1) from error
    memory = f", {report.peak_memory_mb} MB of accelerator memory" if report.peak_memory_mb else ""
    console.print(
        f"{recipe.out}: {report.steps} steps, loss {report.final_loss:.4f}, "
        f"{report.tokens_per_second:.0f} tokens/s on {report.device}{memory}, "
        f"adapter {report.adapter_bytes:,} bytes",
        soft_wrap=True,
    )


def _overridden(
    recipe: Recipe, base: Path | None, data: Path | None, out: Path | None, max_steps: int | None
) -> Recipe:
    update: dict[str, object] = {}
    if base:
        update["base_model"] = base
    if out:
        update["out"] = out
    if data:
        update["data"] = recipe.data.model_copy(update={"train": data})
    if max_steps:
        update["schedule"] = recipe.schedule.model_copy(update={"max_steps": max_steps})
    return recipe.model_copy(update=update)


if __name__ == "__main__":
    app()
