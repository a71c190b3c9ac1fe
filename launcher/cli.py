"""Owns the `firstline` command: it finds subcommands by entry point and imports only the one called."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import TextIO

from launcher.layout import Layout, checkout_root

GROUP = "firstline.commands"
_OURS = frozenset({"contracts", "gateway", "launcher", "router", "training"})
_USAGE_STATUS = 2


def main() -> None:
    """Run the command line of this process."""
    commands = tuple(entry_points(group=GROUP))
    root = checkout_root()
    python = training_python(sys.argv[1:], commands, Layout(root, root / ".firstline"), Path(sys.prefix))
    if python is not None:
        os.execv(python, [str(python), "-P", "-m", "launcher.cli", *sys.argv[1:]])  # noqa: S606 - our own environment
    sys.exit(dispatch(sys.argv[1:], commands, sys.stdout, sys.stderr))


def training_python(
    arguments: Sequence[str], commands: Iterable[EntryPoint], layout: Layout, prefix: Path
) -> Path | None:
    """The Python of the checkout's engine environment, where torch is, for a command of `training`.

    None where this process is that Python already, where there is no such environment, and for others.
    """
    modules = {command.name: command.module for command in commands}
    python = layout.engine_venv / "bin" / "python"
    is_training = bool(arguments) and modules.get(arguments[0], "").startswith("training.")
    if is_training and prefix.resolve() != layout.engine_venv.resolve() and python.exists():
        return python
    return None


def dispatch(
    arguments: Sequence[str], commands: Iterable[EntryPoint], out: TextIO, errors: TextIO
) -> int | str | None:
    """Run the subcommand that `arguments` name and return its exit status."""
    known = {command.name: command for command in commands}
    name = arguments[0] if arguments else "--help"
    if name in {"--help", "-h"}:
        out.write(_usage(known))
        return 0 if arguments else _USAGE_STATUS
    if name == "--version":
        out.write(f"firstline {version('firstline')}\n")
        return 0
    if name not in known:
        errors.write(f"firstline: there is no command {name!r}.\n\n{_usage(known)}")
        return _USAGE_STATUS
    try:
        app = known[name].load()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing in _OURS:
            raise
        errors.write(f"firstline: {_missing_sentence(name, missing)}\n")
        return 1
    try:
        app(args=list(arguments[1:]), prog_name=f"firstline {name}")
    except SystemExit as end:
        return end.code
    return 0


def _usage(known: Mapping[str, EntryPoint]) -> str:
    names = "".join(f"  {name}\n" for name in sorted(known))
    return (
        "Usage: firstline COMMAND [OPTIONS]\n\n"
        f"Commands:\n{names}\n"
        "`firstline COMMAND --help` explains one; `firstline --version` prints the version.\n"
    )


def _missing_sentence(name: str, package: str) -> str:
    return (
        f"`{name}` needs the package {package!r}, which is not installed here. In a checkout run it as "
        f"`.venv/bin/firstline {name}` after `make setup`; elsewhere install the extra that holds it: "
        "`pip install 'firstline[data,train]'` or `pip install 'firstline[fit]'`."
    )


if __name__ == "__main__":
    main()
