"""Sending an adapter folder to the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from gateway.adapters.staging import bound_of
from gateway.commands._admin_client import archived, call, fail, out

_CONFIG_FILE: Final = "adapter_config.json"
_WEIGHTS_FILE: Final = "adapter_model.safetensors"


def upload(where: str, folder: Path, params: Mapping[str, str]) -> Any:
    """Send the files that belong to an adapter; the gateway judges them."""
    names = _adapter_files(folder)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with (
        archived(folder, names) as (pieces, size),
        Progress(*columns, console=out, transient=True) as progress,
    ):
        sent = progress.add_task("sending", total=size)

        def counted() -> Iterator[bytes]:
            for piece in pieces:
                yield piece
                progress.update(sent, advance=len(piece))
            progress.update(sent, description="loading and proving on every engine")

        return call(
            where,
            "POST",
            "/admin/v1/adapters",
            params=params,
            content=counted(),
            content_type="application/x-tar",
        )


def _adapter_files(folder: Path) -> list[str]:
    if not folder.is_dir():
        fail(
            f"{folder} is not a folder; expected a PEFT LoRA folder with {_CONFIG_FILE} and {_WEIGHTS_FILE}."
        )
    names = sorted(path.name for path in folder.iterdir() if bound_of(path.name) is not None)
    if _WEIGHTS_FILE not in names and (folder / "adapter_model.bin").exists():
        fail(
            f"{folder} holds pickled weights (adapter_model.bin), which can run code and are never loaded; "
            "save the adapter with safe_serialization=True."
        )
    for required in (_CONFIG_FILE, _WEIGHTS_FILE):
        if required not in names:
            fail(f"{folder} has no {required}; expected a PEFT LoRA folder.")
    links = [name for name in names if (folder / name).is_symlink()]
    if links:
        fail(f"{folder / links[0]} is a link; adapters are plain files. Copy the folder with `cp -rL` first.")
    return names
