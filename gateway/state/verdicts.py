"""Verdicts on output contracts, kept across restarts and shared by the processes of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from gateway.state._sqlite import FileSettings, SqliteFile

_log = structlog.get_logger(__name__)
_BUSY_SECONDS = 2.0
_PRUNE_EVERY = 256
_SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    key TEXT PRIMARY KEY,
    verdict TEXT NOT NULL,
    number INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS verdicts_by_number ON verdicts (number);
"""

Result = TypeVar("Result")


class VerdictStore(Protocol):
    """A bounded cache: what it has lost is vetted again, so no method raises."""

    async def get(self, key: str) -> str | None:
        """The JSON that was put under this key, or None."""

    async def put(self, key: str, verdict: str) -> None:
        """Keep JSON under a key; the oldest are dropped at the bound."""

    async def close(self) -> None:
        """Let go of what is open."""


class SqliteVerdictStore:
    """One SQLite file in WAL mode, written by one thread; keeps the newest `capacity` verdicts."""

    def __init__(self, path: Path, *, capacity: int = 10_000) -> None:
        self._file = SqliteFile(path, "verdicts", FileSettings(_prepare, _BUSY_SECONDS, "OFF"))
        self._capacity = capacity
        self._puts = 0

    async def get(self, key: str) -> str | None:
        """The JSON that was put under this key, or None."""

        def read(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT verdict FROM verdicts WHERE key = ?", (key,)).fetchone()
            return None if row is None else str(row[0])

        return await self._run(read)

    async def put(self, key: str, verdict: str) -> None:
        """Keep JSON under a key."""
        self._puts += 1
        is_pruned = self._puts % _PRUNE_EVERY == 0

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO verdicts VALUES"
                " (?, ?, (SELECT coalesce(max(number), 0) + 1 FROM verdicts))",
                (key, verdict),
            )
            if is_pruned:
                connection.execute(
                    "DELETE FROM verdicts WHERE number <= (SELECT max(number) FROM verdicts) - ?",
                    (self._capacity,),
                )

        await self._run(write)

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._file.close()

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result | None:
        try:
            return await self._file.run(work)
        except (sqlite3.Error, OSError) as error:
            _log.warning("verdict_store_failed", error=type(error).__name__)
            return None


def _prepare(connection: sqlite3.Connection) -> None:
    connection.executescript(_SCHEMA)
