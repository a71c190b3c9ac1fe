"""Owns the formats of `firstline adapter export`, each written by a process of the environment with torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from launcher.errors import LauncherError
from launcher.layout import checkout_root

Exporter = Callable[[Path, Path, Path], None]
"""Writes (package, base, out)."""

_MAX_SECONDS = 3600.0


def merged(package: Path, base: Path, out: Path) -> None:
    """A model folder of merged safetensors.

    Raises:
        LauncherError: with the sentence of the process that could not write it.
    """
    _export(package, base, out, "merged")


def gguf(package: Path, base: Path, out: Path) -> None:
    """A GGUF model in 16 bits; raises as `merged`."""
    _export(package, base, out, "gguf")


def gguf_q8(package: Path, base: Path, out: Path) -> None:
    """A GGUF model in 8 bits; raises as `merged`."""
    _export(package, base, out, "gguf", "--type", "q8_0")


def gguf_adapter(package: Path, base: Path, out: Path) -> None:
    """The adapter alone as GGUF; raises as `merged`."""
    _export(package, base, out, "gguf-adapter")


def _export(package: Path, base: Path, out: Path, form: str, *more: str) -> None:
    engine = checkout_root() / ".venv-engine" / "bin" / "python"
    python = str(engine) if engine.exists() else sys.executable
    where = (str(package), "--base", str(base), "--out", str(out), "--format", form, *more)
    command = [python, "-m", "training.commands.package", "export", *where]
    done = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, timeout=_MAX_SECONDS, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.rpartition("error:")[2].split())
        raise LauncherError(said or f"the export ended with status {done.returncode}")
