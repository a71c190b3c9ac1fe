"""`firstline data tickets`: write synthetic support tickets."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from training.data.invoices import Split
from training.data.tickets import tickets

Count = Annotated[int, typer.Option(help="how many rows", min=1, max=10_000_000)]
Seed = Annotated[int, typer.Option(help="the same seed gives the same rows", min=0)]
Part = Annotated[Split, typer.Option(help="the two parts share no phrasing of a request")]
OutFile = Annotated[Path, typer.Option(help="the JSON lines file to write")]


def make_tickets(count: Count, seed: Seed, split: Part, out: OutFile) -> None:
    """Write synthetic support tickets as rows of id, text, output, group and slice."""
    console = Console(stderr=True)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", encoding="utf-8", newline="\n") as file:
            for row in track(islice(tickets(seed, split), count), "tickets", total=count, console=console):
                file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
    except OSError as error:
        console.print(f"[red]error:[/red] {out}: cannot be written: {error}", highlight=False)
        raise typer.Exit(1) from error
    console.print(f"{out}: {count} rows of {split.value}, seed {seed}", soft_wrap=True)


def add_to(app: typer.Typer) -> None:
    """Put the command under `firstline data`."""
    app.command("tickets")(make_tickets)
