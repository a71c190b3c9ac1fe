"""How commands speak to a person."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console

console = Console()
errors = Console(stderr=True, soft_wrap=True)


def fail(sentence: str) -> NoReturn:
    """Say what is wrong on standard error and leave with status 1."""
    errors.print(sentence, style="bold red", markup=False, highlight=False)
    raise typer.Exit(1)
