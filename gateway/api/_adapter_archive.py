"""An adapter version as a tar archive that is made as it is sent."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from contracts.adapter import AdapterManifest
from contracts.artifact import pieces_of
from gateway.adapters.store import MANIFEST_FILE


def archive_bytes(folder: Path, manifest: AdapterManifest) -> int:
    """How long the archive is."""
    sizes = [(folder / name).stat().st_size for name in _names(manifest)]
    return sum(tarfile.BLOCKSIZE + _padded(size) for size in sizes) + 2 * tarfile.BLOCKSIZE


def archive_pieces(folder: Path, manifest: AdapterManifest) -> Iterator[bytes]:
    """The archive: every file of the version and its manifest, plain, without owner and time. Blocks.

    All files are open before the first byte leaves, so that a version that is purged meanwhile still goes
    out whole.
    """
    with ExitStack() as stack:
        files = [(name, stack.enter_context((folder / name).open("rb"))) for name in _names(manifest)]
        for name, file in files:
            member = tarfile.TarInfo(name)
            member.size = os.fstat(file.fileno()).st_size
            yield member.tobuf(tarfile.USTAR_FORMAT)
            yield from pieces_of(file)
            yield b"\0" * (_padded(member.size) - member.size)
        yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _names(manifest: AdapterManifest) -> list[str]:
    return [*sorted(manifest.files), MANIFEST_FILE]


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
