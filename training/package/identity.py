"""Owns what a package says it came from: the hash of a base model, its licence, the version of this code."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

from contracts.artifact import digest_of
from training.errors import PackageError

_ROOT = Path(__file__).resolve().parents[2]
_GIT_SECONDS = 10
_CARD_BYTES = 1024 * 1024


def base_model_digest(folder: Path) -> str:
    """The content hash over the names and bytes of a base model's safetensors files, read anew each time.

    Raises:
        PackageError: the folder has none, or one cannot be read.
    """
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    if not names:
        raise PackageError(f"{folder}: no safetensors weights here; a base model is a Hugging Face folder")
    try:
        return digest_of(folder, names)
    except OSError as error:
        raise PackageError(f"{folder}: cannot be read: {error}") from error


def base_model_licence(folder: Path) -> str:
    """The licence that the folder states, in the head of its model card or in `config.json`; else empty."""
    for read in (_card_head, _config):
        stated = read(folder).get("license")
        if isinstance(stated, str) and stated.strip():
            return stated.strip()[:200]
    return ""


def code_version(root: Path = _ROOT) -> str:
    """The package's version; in a checkout with the commit, and `.dirty` where tracked files were changed."""
    version = _package_version(root)
    # A `.git` above belongs to another project that merely holds this one's installed files.
    if not (root / ".git").exists():
        return version
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return version
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{version}+g{commit}{'.dirty' if changed else ''}"


def _package_version(root: Path) -> str:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
        return str(project["version"])
    except (OSError, KeyError, ValueError):
        pass  # installed: there is no checkout around it
    try:
        return importlib.metadata.version("firstline")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(root), *arguments],  # noqa: S607 - wherever git is
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _card_head(folder: Path) -> dict[str, Any]:
    """The YAML head of the folder's README.md."""
    try:
        with (folder / "README.md").open("rb") as file:
            text = file.read(_CARD_BYTES).decode("utf-8", "replace")
        _, head, _ = text.split("---\n", 2)
        found = yaml.safe_load(head)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) and text.startswith("---\n") else {}


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
