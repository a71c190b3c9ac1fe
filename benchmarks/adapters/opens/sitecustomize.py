"""Notes each opening of an adapter's files in `ADAPTER_OPENS`: put this folder on an engine's PYTHONPATH.

Python imports a module of this name at its start. The configuration is opened by Python, whose audit hook
sees it; the weights by the safetensors library, past Python, so its function is wrapped.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

LOG = os.environ.get("ADAPTER_OPENS")


def _note(path: object) -> None:
    text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
    name = Path(text).name
    if LOG and name in ("adapter_config.json", "adapter_model.safetensors"):
        line = f"{Path(text).parent.name} {name}\n".encode()
        log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(log, line)
        os.close(log)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        _note(arguments[0])


def _wrap_safetensors() -> None:
    try:
        import safetensors  # noqa: PLC0415 - a process without it opens no weights
    except ImportError:
        return
    opened = safetensors.safe_open

    def safe_open(filename: Any, *others: Any, **named: Any) -> Any:
        _note(filename)
        return opened(filename, *others, **named)

    setattr(safetensors, "safe_open", safe_open)  # noqa: B010 - a class, for the type checker


if LOG:
    sys.addaudithook(_audit)
    _wrap_safetensors()
