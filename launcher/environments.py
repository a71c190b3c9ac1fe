"""Owns the two virtual environments: what is in each, whether it is complete, and how it is made.

Runs before anything is installed, so it uses the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from launcher import checks
from launcher.engine import EngineKind
from launcher.errors import LauncherError
from launcher.layout import Layout
from launcher.locking import file_lock
from launcher.pip import Pip
from launcher.progress import Say

STAMP_NAME = "firstline-stamp.json"
# The only place outside the configured index that set-up asks, and only for torch's CPU build.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class EnvironmentSpec:
    """One environment. `locks` are installed in order; a later one adds to those before it."""

    name: str
    folder: Path
    locks: tuple[Path, ...]
    needed_bytes: int
    fallback_index: Mapping[Path, str]
    # Compiling what is imported, when it is imported, halves the time of a large install.
    is_compiled: bool = True


@dataclass(frozen=True)
class Stamp:
    """Written last into a complete environment: digests of what was installed, and for which checkout."""

    locks: dict[str, str]
    project: str
    root: str


def specs(layout: Layout, kind: EngineKind, *, dev: bool = False) -> tuple[EnvironmentSpec, EnvironmentSpec]:
    """The gateway's environment, with the test tools where asked, and the engine's."""
    folder = layout.requirements
    torch = folder / "torch-cpu.lock"
    is_cpu = kind is EngineKind.CPU
    gateway = EnvironmentSpec(
        name="gateway",
        folder=layout.gateway_venv,
        locks=(folder / "gateway.lock", folder / "dev.lock") if dev else (folder / "gateway.lock",),
        needed_bytes=checks.GIB,
        fallback_index={},
    )
    engine = EnvironmentSpec(
        name="engine",
        folder=layout.engine_venv,
        locks=(torch, folder / "engine-cpu.lock") if is_cpu else (folder / "engine-cuda.lock",),
        needed_bytes=(3 if is_cpu else 14) * checks.GIB,
        fallback_index={torch: TORCH_CPU_INDEX} if is_cpu else {},
        is_compiled=False,
    )
    return gateway, engine


def problem(layout: Layout, spec: EnvironmentSpec) -> str | None:
    """What is missing or stale in the environment, as a sentence; none when it is complete."""
    stamp = _read_stamp(spec)
    if stamp is None or not (spec.folder / "bin" / "python").exists():
        return f"The {spec.name} environment ({spec.folder.name}) is missing or incomplete."
    if stamp.root != str(layout.root):
        return f"The {spec.name} environment ({spec.folder.name}) was made for another folder."
    if any(stamp.locks.get(lock.name) != _digest(lock) for lock in spec.locks):
        return f"The {spec.name} environment ({spec.folder.name}) does not match its lock files."
    if stamp.project != _project_digest(layout):
        return f"The project's entry in the {spec.name} environment ({spec.folder.name}) is stale."
    return None


def ensure(layout: Layout, spec: EnvironmentSpec, environ: Mapping[str, str], say: Say) -> bool:
    """Make the environment complete; true when something was installed.

    Two calls at once, also from two processes, are safe: the second waits and finds it done.
    """
    if problem(layout, spec) is None:
        return False
    _require_ensurepip()
    with file_lock(layout.root / f"{spec.folder.name}.lock", spec.name, say) as lock:
        if problem(layout, spec) is None:
            return False
        checks.require_disk(layout.root, spec.needed_bytes, f"the {spec.name} environment")
        log = layout.logs / f"setup-{spec.name}.log"
        pip = Pip(spec.folder, environ, spec.name, log=log, say=say, lock=lock)
        installed = _begin(layout, spec, pip, say)
        for path in spec.locks:
            if installed.get(path.name) != _digest(path):
                pip.install_lock(path, spec.fallback_index.get(path), is_compiled=spec.is_compiled)
                installed[path.name] = _digest(path)
        with file_lock(layout.root / ".venv-project.lock", spec.name, say):
            # One at a time: both builds write the project's metadata into the checkout.
            pip.install_project(layout.root)
        stamp = Stamp(locks=installed, project=_project_digest(layout), root=str(layout.root))
        _write_stamp(spec, stamp)
        say(f"{spec.name}: environment is complete")
    return True


def _begin(layout: Layout, spec: EnvironmentSpec, pip: Pip, say: Say) -> dict[str, str]:
    """Keep a whole environment that only lacks a further lock; start every other one afresh.

    The stamp goes away first, so that an interrupted install is never taken for a whole one.
    """
    stamp = _read_stamp(spec)
    (spec.folder / STAMP_NAME).unlink(missing_ok=True)
    if stamp is not None and stamp.root == str(layout.root):
        names = {lock.name: lock for lock in _known_locks(layout)}
        if all(name in names and _digest(names[name]) == digest for name, digest in stamp.locks.items()):
            return dict(stamp.locks)
    say(f"{spec.name}: making {spec.folder.name} with Python {platform.python_version()}")
    pip.run([sys.executable, "-m", "venv", "--clear", str(spec.folder)], "making the environment")
    return {}


def _known_locks(layout: Layout) -> Sequence[Path]:
    return sorted(layout.requirements.glob("*.lock"))


def _require_ensurepip() -> None:
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian ships it in a package of its own
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise LauncherError(
            "This Python cannot make virtual environments. Install the package for it: "
            f"sudo apt-get install -y python3-venv (or python{version}-venv)"
        ) from error


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _project_digest(layout: Layout) -> str:
    """Changes when the entry points may have changed; the code itself is used from the checkout."""
    return _digest(layout.root / "pyproject.toml")


def _read_stamp(spec: EnvironmentSpec) -> Stamp | None:
    try:
        return Stamp(**json.loads((spec.folder / STAMP_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write_stamp(spec: EnvironmentSpec, stamp: Stamp) -> None:
    target = spec.folder / STAMP_NAME
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(stamp), indent=1), encoding="utf-8")
    partial.replace(target)
