"""`firstline data`: make data files."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from training.commands import data_build, data_synthesise, data_tickets
from training.data.invoices import Split, invoices

app = typer.Typer(
    help="Make and check data for training and evaluation.", add_completion=False, no_args_is_help=True
)

Count = Annotated[int, typer.Option(help="how many rows", min=1, max=10_000_000)]
Seed = Annotated[int, typer.Option(help="the same seed gives the same rows", min=0)]
Part = Annotated[
    Split, typer.Option(help="the two parts share no vendor; heldout has layouts that train lacks")
]
OutFile = Annotated[Path, typer.Option(help="the JSON lines file to write")]
MaxCharacters = Annotated[
    int | None, typer.Option(help="leave out longer texts; --count counts those kept", min=80)
]

data_build.add_to(app)
data_tickets.add_to(app)
data_synthesise.add_to(app)


@app.callback()
def group() -> None:
    """Make and check data for training and evaluation."""


@app.command("invoices")
def make_invoices(
    count: Count, seed: Seed, split: Part, out: OutFile, *, max_characters: MaxCharacters = None
) -> None:
    """Write synthetic invoices as rows of id, text, output, group and slice."""
    console = Console(stderr=True)
    rows = islice(
        (row for row in invoices(seed, split) if len(row.text) <= (max_characters or sys.maxsize)), count
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", encoding="utf-8", newline="\n") as file:
            for row in track(rows, "invoices", total=count, console=console):
                file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
    except OSError as error:
        console.print(f"[red]error:[/red] {out}: cannot be written: {error}", highlight=False)
        raise typer.Exit(1) from error
    console.print(f"{out}: {count} rows of {split.value}, seed {seed}")


if __name__ == "__main__":
    app()
