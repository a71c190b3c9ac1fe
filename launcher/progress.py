"""Owns what set-up tells the person who waits."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

Say = Callable[[str], None]

_LOCK = threading.Lock()


def say(sentence: str) -> None:
    """Write one line at once; two threads never mix theirs."""
    with _LOCK:
        sys.stderr.write(f"firstline: {sentence}\n")
        sys.stderr.flush()
