"""Taking an adapter folder that arrives as a tar archive: bounded, plain files of known names alone."""

from __future__ import annotations

import tarfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from gateway.adapters.staging import MAX_EXTRA_BYTES, MAX_EXTRA_FILES, MAX_WEIGHTS_BYTES, bound_of
from gateway.errors import AdapterRefusedError, BodyTooLargeError

MAX_UPLOAD_BYTES: Final = MAX_WEIGHTS_BYTES + (MAX_EXTRA_FILES + 4) * MAX_EXTRA_BYTES
MAX_MEMBERS: Final = 1000
_COPY_BYTES: Final = 1024 * 1024


async def spool(chunks: AsyncIterator[bytes], path: Path) -> None:
    """Write a request's body to a file as it comes.

    Raises:
        BodyTooLargeError: it is over the bound.
    """
    size = 0
    with path.open("xb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > MAX_UPLOAD_BYTES:
                raise BodyTooLargeError(f"an adapter's archive is at most {MAX_UPLOAD_BYTES} bytes")
            file.write(chunk)


def unpack(archive: Path, target: Path) -> None:
    """Copy the adapter's files out of the archive; other plain files are passed over. Blocks.

    Only headers of 512 bytes are interpreted, so that no member makes us hold what it claims.

    Raises:
        AdapterRefusedError: it is no tar archive, or a name leads out of the folder, or a link has an
            adapter file's name, or a file is too large.
    """
    with archive.open("rb") as file:
        for _ in range(MAX_MEMBERS):
            header = file.read(tarfile.BLOCKSIZE)
            if not header.strip(b"\0"):
                return
            try:
                member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            except tarfile.HeaderError as error:
                raise AdapterRefusedError(f"the body is no tar archive: {error}") from error
            start = file.tell()
            _take(file, member, target)
            file.seek(start + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
    raise AdapterRefusedError(f"the archive has over {MAX_MEMBERS} members")


def _take(file: BinaryIO, member: tarfile.TarInfo, target: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise AdapterRefusedError(f"the archive has a member {member.name[:200]!r}, which leads out of it")
    bound = bound_of(str(path))
    if bound is None or member.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
        return
    if member.type not in tarfile.REGULAR_TYPES:
        raise AdapterRefusedError(f"{path}: is not a plain file")
    if not 0 <= member.size <= bound:
        raise AdapterRefusedError(f"{path}: is over {bound} bytes")
    if (target / path).exists():
        raise AdapterRefusedError(f"{path}: occurs twice in the archive")
    left = member.size
    with (target / path).open("xb") as copy:
        while left > 0:
            piece = file.read(min(left, _COPY_BYTES))
            if not piece:
                raise AdapterRefusedError(f"{path}: the archive ends inside this file")
            copy.write(piece)
            left -= len(piece)
