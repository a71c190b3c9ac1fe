"""Resolves a Python type to an output contract: `python -m gateway.intake.python_types module:Name [FOLDER]`.

It runs a module of the operator's, and Outlines, in a process of its own: the gateway holds neither. It
writes one line of JSON: the contract, or what is wrong as a sentence, and the files on which that depends.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

MAX_FILES = 1000
MAX_CONTRACT_CHARS = 1024 * 1024
"""As much as a whole task file may hold."""
_MAX_PROBLEM_CHARS = 500


class _CannotResolveError(Exception):
    """What is wrong, as a sentence."""


def main(arguments: list[str]) -> None:
    """Answer on standard output; what the module itself prints goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        name, *folder = arguments
        json.dump(_answer(name, Path(folder[0]) if folder else None), answer)


def _answer(name: str, folder: Path | None) -> dict[str, Any]:
    said: dict[str, Any]
    try:
        said = {"contract": _contract(name, folder)}
    except _CannotResolveError as error:
        said = {"problem": str(error)}
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        said = {"problem": f"{name!r} cannot be used: {place}: {first['msg']}"[:_MAX_PROBLEM_CHARS]}
    except Exception as error:  # noqa: BLE001 - the module is not ours and may raise anything
        line = " ".join(f"{type(error).__name__}: {error}".split())
        said = {"problem": f"{name!r} cannot be used: {line}"[:_MAX_PROBLEM_CHARS]}
    # The folder of installed packages counts too: what is missing may be installed later.
    files = sorted(set(_files(_package(name.partition(":")[0]), folder)))[:MAX_FILES]
    return {**said, "files": [*files, sysconfig.get_path("purelib")]}


def _contract(name: str, folder: Path | None) -> Any:
    outlines = _outlines()
    module, _, path = name.partition(":")
    found = _attribute(_imported(module, folder), path)
    contract = outlines.contract_of(found).model_dump(mode="json", by_alias=True)
    if len(json.dumps(contract)) > MAX_CONTRACT_CHARS:
        raise _CannotResolveError(f"{name!r} gives a contract over {MAX_CONTRACT_CHARS} characters")
    return contract


def _outlines() -> ModuleType:
    try:
        from gateway.intake import _outlines as converter  # noqa: PLC0415 - Outlines is an extra
    except ModuleNotFoundError as error:
        raise _CannotResolveError(
            f"Python types need the package {_package(error.name or '')!r}: pip install 'firstline[outlines]'"
        ) from error
    return converter


def _imported(module: str, folder: Path | None) -> ModuleType:
    if folder is not None:
        sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise _CannotResolveError(
            f"there is no module {error.name!r} in tasks.python_path or among the installed packages"
        ) from error


def _attribute(module: ModuleType, path: str) -> Any:
    found: Any = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise _CannotResolveError(f"the module {module.__name__!r} has no {path!r}") from error
    return found


def _files(package: str, folder: Path | None) -> Iterator[str]:
    """The files of the loaded modules that are of the type's package, or in the operator's folder."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and (_package(name) == package or (folder is not None and Path(file).is_relative_to(folder))):
            yield file


def _package(module: str) -> str:
    return module.partition(".")[0]


if __name__ == "__main__":
    main(sys.argv[1:])
