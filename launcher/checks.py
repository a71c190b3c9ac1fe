"""Owns the questions that `up`, `doctor` and set-up ask of the machine."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from launcher.errors import LauncherError

GIB = 1024**3


def is_port_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_port(port: int, variable: str) -> None:
    """Refuse a port that somebody else holds, or that this user may not take."""
    if not is_port_free(port):
        raise LauncherError(
            f"Port {port} on 127.0.0.1 is taken by another program. Stop that program, or choose another "
            f"port: {variable}=NUMBER make run"
        )


def free_bytes(path: Path) -> int:
    """Free space on the disk that holds `path`, which need not exist yet."""
    place = path
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def require_disk(path: Path, needed_bytes: int, purpose: str) -> None:
    """Refuse to begin what the disk cannot hold."""
    free = free_bytes(path)
    if free < needed_bytes:
        raise LauncherError(
            f"The disk that holds {path} has {free / GIB:.1f} GiB free, and {purpose} needs "
            f"{needed_bytes / GIB:.1f} GiB. Make room, or set FIRSTLINE_HOME to a folder on another disk."
        )


def available_memory_bytes() -> int:
    """What the kernel says programs can still take."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0
