"""Which files of a folder belong to an adapter package, how large each may be, and the copy of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from contracts.artifact import SIGNATURE_FILE, is_document
from gateway.adapters._config import CONFIG_FILE, MAX_CONFIG_BYTES
from gateway.adapters._files import copy_plain, listed
from gateway.adapters.inspect import WEIGHTS_FILE
from gateway.errors import AdapterRefusedError

MAX_WEIGHTS_BYTES: Final = 2 * 1024**3
MAX_EXTRA_BYTES: Final = 4 * 1024**2
MAX_EXTRA_FILES: Final = 24
_REQUIRED: Final = {CONFIG_FILE: MAX_CONFIG_BYTES, WEIGHTS_FILE: MAX_WEIGHTS_BYTES}
_PICKLES: Final = ("adapter_model.bin", "adapter_model.pt", "adapter_model.pth", "adapter_model.pkl")


def bound_of(file: str) -> int | None:
    """How large a file of this name may be in an adapter folder; None where it is not kept."""
    if file in _REQUIRED:
        return _REQUIRED[file]
    return MAX_EXTRA_BYTES if is_document(file) or file == SIGNATURE_FILE else None


def copy_adapter(source: Path, target: Path) -> None:
    """Copy the files that belong to an adapter; nothing is followed, run or unpacked.

    Raises:
        AdapterRefusedError: a file is missing, a link, too large, one of too many, or a pickle stands for
            the weights.
        OSError: the disk is full or fails.
    """
    names = listed(source)
    if WEIGHTS_FILE not in names:
        pickled = next((name for name in _PICKLES if name in names), None)
        if pickled is not None:
            raise AdapterRefusedError(
                f"{pickled}: pickled weights can run code and are never loaded; "
                "save the adapter with safe_serialization=True"
            )
    for name in _REQUIRED:
        if name not in names:
            raise AdapterRefusedError(f"{name}: is missing; expected a PEFT LoRA folder")
    extras = [name for name in names if name not in _REQUIRED and bound_of(name) is not None]
    if len(extras) > MAX_EXTRA_FILES:
        raise AdapterRefusedError(f"{source.name}: holds over {MAX_EXTRA_FILES} cards, reports and the like")
    for name in (*_REQUIRED, *extras):
        copy_plain(source / name, target / name, bound_of(name) or 0)
