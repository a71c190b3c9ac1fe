"""`firstline eval`: evaluate a model under a frozen specification, and what belongs to that."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from contracts.signature import SignatureError, make_key_pair
from training.commands.eval_measure import MeasureOptions, measure
from training.commands.eval_run import RunOptions, run
from training.errors import TrainingError
from training.evaluate.frozen import freeze, thaw

_MEASURE_OPTIONS = ("--task", "--data")


class _Group(TyperGroup):
    """A group that `firstline eval SPEC` and `firstline eval --task T --data D --model M` work with too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in that is meant."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            is_measure = any(one.partition("=")[0] in _MEASURE_OPTIONS for one in args)
            args = ["measure" if is_measure else "run", *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=_Group,
    help="Evaluate models under frozen specifications. `firstline eval SPEC` is `firstline eval run SPEC`.",
    add_completion=False,
    no_args_is_help=True,
)
keys = typer.Typer(help="Keys that specifications and packages are signed with.", no_args_is_help=True)
app.add_typer(keys, name="key")

# Typer reads a command's options from its signature; here they are the fields of a record.
run.__signature__ = inspect.signature(RunOptions, eval_str=True)  # type: ignore[attr-defined]  # functions take attributes
measure.__signature__ = inspect.signature(MeasureOptions, eval_str=True)  # type: ignore[attr-defined]  # the same
app.command()(run)
app.command()(measure)

_console = Console(stderr=True, soft_wrap=True)


@app.command("freeze")
def freeze_specification(
    spec: Annotated[Path, typer.Argument(help="the specification, a YAML file", exists=True, dir_okay=False)],
    *,
    sign: Annotated[Path | None, typer.Option(help="a private key (PEM) to sign with")] = None,
) -> None:
    """Write SPEC.lock.json: the hashes of specification, task and golden sets, signed if a key is given."""
    try:
        path = freeze(spec, sign)
        frozen = thaw(path)
    except TrainingError as error:
        raise _failed(str(error)) from error
    signed = ", signed" if sign else ", not signed"
    _console.print(f"{path}: {len(frozen.rows)} rows, {frozen.sha256[:12]}{signed}", highlight=False)


@keys.callback()
def _keys() -> None:
    """Keys that specifications and packages are signed with."""


@keys.command("new")
def new_key(
    name: Annotated[Path, typer.Argument(help="the files are NAME.key (keep it secret) and NAME.pub")],
) -> None:
    """Make an Ed25519 key pair; an existing file is never replaced."""
    private, public = name.with_name(f"{name.name}.key"), name.with_name(f"{name.name}.pub")
    try:
        make_key_pair(private, public)
    except SignatureError as error:
        raise _failed(str(error)) from error
    _console.print(f"{private} signs; give {public} to those who verify", highlight=False)


def _failed(sentence: str) -> typer.Exit:
    _console.print(f"[red]error:[/red] {escape(sentence)}", highlight=False)
    return typer.Exit(1)


if __name__ == "__main__":
    app()
