"""Owns writing: a file or an export is there whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from training.errors import PackageError

_READABLE = 0o666


def write_whole(path: Path, content: bytes) -> None:
    """Write a file by renaming a finished one over it.

    Raises:
        PackageError: it cannot be written; what was there before is still there.
    """
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise PackageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A path beside `out` to write a file or a folder to; it gets the name `out` when the block ends well.

    Raises:
        PackageError: `out` is there already, or something cannot be written. Nothing half-written stays.
    """
    if out.exists() or out.is_symlink():
        raise PackageError(f"{out}: is there already; an export overwrites nothing")
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        yield partial
        _finish(partial)
        partial.rename(out)
    except OSError as error:
        raise PackageError(f"{out}: cannot be written: {error.strerror or error}") from error
    except SafetensorError as error:  # what its writer raises in place of an OSError
        raise PackageError(f"{out}: cannot be written: {error}") from error
    finally:
        _remove(partial)


def _finish(path: Path) -> None:
    """Give files the usual access rights (some libraries write them for their owner alone) and flush them."""
    mask = os.umask(0)
    os.umask(mask)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            file.chmod(_READABLE & ~mask)
            with file.open("rb") as opened:
                os.fsync(opened.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
