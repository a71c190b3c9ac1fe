"""Owns the file lock that keeps two set-ups from working on one thing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.progress import Say


@contextmanager
def file_lock(path: Path, what: str, say: Say) -> Iterator[int]:
    """Hold the lock and give its descriptor.

    A child process that inherits the descriptor holds the lock too, so that the lock outlives a killed
    parent for as long as the child still works.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{what}: another set-up is at work; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
