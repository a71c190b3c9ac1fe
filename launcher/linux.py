"""Owns what the launcher asks of the Linux kernel: adoption of orphans, death signals, process trees."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# Loaded at import: between fork and exec nothing may be loaded.
_LIBC = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process `number` when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


@dataclass(frozen=True)
class ProcessRow:
    """One line of the process table."""

    pid: int
    parent: int
    session: int
    state: str


def process_table() -> list[ProcessRow]:
    """Every process that can be seen now; one that ends while the table is read is left out."""
    rows = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            row = _read_row(int(entry.name))
            if row is not None:
                rows.append(row)
    return rows


def _read_row(pid: int) -> ProcessRow | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command stands in parentheses and may itself hold blanks and parentheses.
    fields = text[text.rindex(")") + 2 :].split()
    return ProcessRow(pid=pid, state=fields[0], parent=int(fields[1]), session=int(fields[3]))


def descendants(pid: int, table: Iterable[ProcessRow] | None = None) -> set[int]:
    """Process ids of everything below `pid` that still runs (zombies are left out)."""
    rows = process_table() if table is None else list(table)
    below: dict[int, list[ProcessRow]] = {}
    for row in rows:
        below.setdefault(row.parent, []).append(row)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for row in below.get(waiting.pop(), []):
            waiting.append(row.pid)
            if row.state != "Z":
                found.add(row.pid)
    return found


def session_members(session: int) -> set[int]:
    """Process ids that still run in `session`."""
    return {row.pid for row in process_table() if row.session == session and row.state != "Z"}


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process; one that has ended in the meantime is no error."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
