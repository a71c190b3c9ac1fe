"""Verdicts on output contracts, kept across restarts and shared by the processes of one machine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

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
        self._path = path
        self._capacity = capacity
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verdicts")
        self._connection: sqlite3.Connection | None = None
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
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result | None:
        def job() -> Result | None:
            try:
                return work(self._open())
            except (sqlite3.Error, OSError) as error:
                _log.warning("verdict_store_failed", error=type(error).__name__)
                return None

        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = OFF")
                connection.executescript(_SCHEMA)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
