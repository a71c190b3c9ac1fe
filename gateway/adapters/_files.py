"""File work of the adapter store: bounded copies that follow no link, content hashes, durable writes."""

from __future__ import annotations

import os
import stat
import time
import uuid
from pathlib import Path

from contracts.artifact import pieces_of
from gateway.errors import AdapterRefusedError


def listed(folder: Path) -> list[str]:
    """The names in a folder, sorted."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise AdapterRefusedError(f"{folder.name}: cannot be read as a folder: {error.strerror}") from error


def copy_plain(source: Path, target: Path, max_bytes: int) -> None:
    """Copy one regular file without following a link, however the folder changes meanwhile."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise AdapterRefusedError(
            f"{source.name}: cannot be opened as a plain file (links are not followed): {error.strerror}"
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise AdapterRefusedError(f"{source.name}: is not a plain file")
        copied = 0
        with target.open("xb") as copy:
            for piece in pieces_of(file):
                copied += len(piece)
                if copied > max_bytes:
                    raise AdapterRefusedError(f"{source.name}: is over {max_bytes} bytes")
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file that survives a crash."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_synced(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, in place of what had its name."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        write_synced(partial, content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename inside a folder survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def modified(path: Path) -> float:
    """When a path was last changed, in seconds of the epoch; now where it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()
