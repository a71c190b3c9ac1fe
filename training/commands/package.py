"""`firstline package`: make an adapter's folder a package, sign it, check it, export it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.config import load_recipe, load_task
from training.errors import TrainingError
from training.package.build import write_cards, write_package
from training.package.export_gguf import GgufType, gguf_adapter, write_gguf
from training.package.export_merged import merged
from training.package.signing import sign_package, verify_package

app = typer.Typer(
    help="Make an adapter's folder a package, sign it, check it, export it.",
    add_completion=False,
    no_args_is_help=True,
)
_console = Console(stderr=True, soft_wrap=True)

Folder = Annotated[Path, typer.Argument(help="the adapter's folder", exists=True, file_okay=False)]
RecipeFile = Annotated[Path, typer.Option(help="the recipe that made it", exists=True, dir_okay=False)]
TaskFile = Annotated[Path, typer.Option(help="its task, a YAML file", exists=True, dir_okay=False)]
BaseFolder = Annotated[
    Path | None, typer.Option(help="the base model's folder, in place of the recipe's", file_okay=False)
]
Base = Annotated[Path, typer.Option(help="the base model's folder", exists=True, file_okay=False)]
Licence = Annotated[str, typer.Option(help="the base model's licence, where its folder states none")]
Previous = Annotated[
    Path | None,
    typer.Option(help="the folder of the version to compare with", exists=True, file_okay=False),
]
PrivateKey = Annotated[Path, typer.Option(help="an Ed25519 private key, PEM", exists=True, dir_okay=False)]
PublicKeys = Annotated[
    list[Path],
    typer.Option(help="a public key that is trusted; may be repeated", exists=True, dir_okay=False),
]
Out = Annotated[Path, typer.Option(help="what to write: a new folder, or for GGUF a folder or a .gguf file")]


class Format(StrEnum):
    """What an export is."""

    MERGED = "merged"
    GGUF = "gguf"
    GGUF_ADAPTER = "gguf-adapter"


Kind = Annotated[
    Format, typer.Option("--format", help="merged safetensors, GGUF, or the adapter alone as GGUF")
]
Matrices = Annotated[GgufType, typer.Option("--type", help="number format of the matrices in a GGUF model")]


@app.callback()
def group() -> None:
    """Make an adapter's folder a package, sign it, check it, export it."""


@app.command()
def build(
    folder: Folder,
    recipe: RecipeFile,
    base: BaseFolder = None,
    base_licence: Licence = "",
    previous: Previous = None,
) -> None:
    """Write provenance, probe, cards and release notes beside the weights, as `firstline train` does."""
    with _reported():
        read = load_recipe(recipe)
        if base is not None:
            read = read.model_copy(update={"base_model": base})
        task = load_task(read.task)
        write_package(
            folder, recipe_file=recipe, recipe=read, task=task, base_licence=base_licence, previous=previous
        )
    _console.print(f"{folder}: package of {task.name}", highlight=False)


@app.command()
def cards(folder: Folder, task: TaskFile, previous: Previous = None) -> None:
    """Write the model card anew, after an evaluation; with --previous the release notes as well."""
    with _reported():
        write_cards(folder, load_task(task), previous)
    _console.print(
        f"{folder}: cards written; a signature made before does not hold any more", highlight=False
    )


@app.command()
def sign(folder: Folder, key: PrivateKey) -> None:
    """Sign all files of the package; the last step, since a later change voids the signature."""
    with _reported():
        signature = sign_package(folder, key)
    _console.print(f"{folder}: signed by key {signature.key_id}", highlight=False)


@app.command()
def verify(folder: Folder, trusted: PublicKeys) -> None:
    """Check the signature against the keys that are trusted."""
    with _reported():
        signer = verify_package(folder, trusted)
    _console.print(f"{folder}: signed by {signer}, and unchanged since", highlight=False)


@app.command()
def export(
    folder: Folder,
    base: Base,
    out: Out,
    form: Kind = Format.MERGED,
    matrices: Matrices = GgufType.F16,
) -> None:
    """Write a model that needs no gateway, or the adapter for llama.cpp; nothing is overwritten."""
    with _reported():
        match form:
            case Format.MERGED:
                written = merged(folder, base, out)
            case Format.GGUF:
                written = write_gguf(folder, base, out, matrices)
            case Format.GGUF_ADAPTER:
                written = gguf_adapter(folder, base, out)
    _console.print(f"{written}: written", highlight=False)


@contextmanager
def _reported() -> Iterator[None]:
    """Print what stops the command as a sentence, and leave with 1."""
    try:
        yield
    except TrainingError as error:
        _console.print("[red]error:[/red]", end=" ")
        _console.print(str(error), markup=False, highlight=False)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
