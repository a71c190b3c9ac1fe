"""A defect in the log: its type and its place. Its message is left out, since it may quote a request."""

from __future__ import annotations

import traceback
from pathlib import Path

MAX_FRAMES = 12


def fault_fields(error: BaseException) -> dict[str, object]:
    """The type of an error and the last `MAX_FRAMES` frames, as `file:line function`."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return {
        "error": type(error).__name__,
        "where": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }
