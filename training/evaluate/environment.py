"""What an evaluation ran on: versions and the kind of machine, without names that lead to it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

_PACKAGES: Final = (
    "firstline",
    "numpy",
    "jsonschema-rs",
    "torch",
    "transformers",
    "peft",
    "outlines",
    "vllm",
)


def environment() -> dict[str, str]:
    """Versions by package; one that is not installed is left out."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
