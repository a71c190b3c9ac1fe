"""The embedded channel store: one SQLite file in WAL mode, shared by processes of one machine."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from gateway.errors import ConflictError, InternalError
from gateway.state._sqlite import FileSettings, SqliteFile, transaction
from gateway.state.channels import ANYTHING, BASE_VERSION, Channel, ChannelChange, Channels, Expected

SCHEMA_VERSION = 1
MAX_CHANGES = 1000
_BUSY_SECONDS = 10.0
_VERSION = re.compile(r"[0-9a-f]{12}")
_SCHEMA = """
CREATE TABLE channels (
    task TEXT NOT NULL,
    channel TEXT NOT NULL,
    version TEXT NOT NULL,
    share_ratio REAL NOT NULL,
    PRIMARY KEY (task, channel)
) STRICT;
CREATE TABLE changes (
    generation INTEGER PRIMARY KEY,
    task TEXT NOT NULL,
    channel TEXT NOT NULL,
    version TEXT,
    previous TEXT,
    share_ratio REAL NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX changes_by_task ON changes (task, generation);
"""

Result = TypeVar("Result")
Row = tuple[int, str, str, str | None, str | None, float, str]


class SqliteChannelStore:
    """All work runs in one thread of its own; each move is one transaction on disk before it returns."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file = SqliteFile(path, "channels", FileSettings(_prepare, _BUSY_SECONDS, "FULL"))
        self._now = now

    async def stable(self, task: str) -> str | None:
        """What the stable channel points to."""
        return await self._run(lambda connection: _current(connection, task, Channel.STABLE))

    async def channels(self) -> Mapping[str, Channels]:
        """The channels of every task that has any."""
        return await self._run(_read_channels)

    async def point(
        self,
        task: str,
        channel: Channel,
        version: str | None,
        *,
        expected: Expected = ANYTHING,
        share_ratio: float = 0.0,
    ) -> ChannelChange:
        """Move a channel by compare-and-set."""
        _check(channel, version, share_ratio)
        wanted = ChannelChange(0, task, channel, version, None, share_ratio, self._now())
        return await self._run(lambda connection: _move(connection, wanted, expected))

    async def history(self, task: str, limit: int = 100) -> tuple[ChannelChange, ...]:
        """The latest moves of one task, newest first."""
        query = "SELECT * FROM changes WHERE task = ? ORDER BY generation DESC LIMIT ?"
        return await self._run(lambda connection: _changes(connection, query, (task, limit)))

    async def changes(self, since: int) -> tuple[ChannelChange, ...]:
        """The moves after generation `since`, oldest first."""
        query = "SELECT * FROM changes WHERE generation > ? ORDER BY generation LIMIT ?"
        return await self._run(lambda connection: _changes(connection, query, (since, MAX_CHANGES)))

    async def generation(self) -> int:
        """The number of the last move."""
        return await self._run(_generation)

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._file.close()

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return await self._file.run(work)
        except sqlite3.Error as error:
            raise InternalError(f"the channel store failed: {error}") from error


def _prepare(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found == 0:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif found != SCHEMA_VERSION:
            raise InternalError(
                f"the channel store has schema version {found}; this release reads {SCHEMA_VERSION}"
            )


def _check(channel: Channel, version: str | None, share_ratio: float) -> None:
    if version is not None and version != BASE_VERSION and not _VERSION.fullmatch(version):
        raise ValueError(f"a version is 12 hexadecimal digits or {BASE_VERSION!r}, not {version!r}")
    if not 0.0 <= share_ratio <= 1.0:
        raise ValueError(f"a share lies in [0, 1], not {share_ratio}")
    if share_ratio and (channel is not Channel.CANARY or version is None):
        raise ValueError("only a canary that points somewhere has a share of the traffic")


def _move(connection: sqlite3.Connection, wanted: ChannelChange, expected: Expected) -> ChannelChange:
    with transaction(connection):
        previous = _current(connection, wanted.task, wanted.channel)
        if expected is not ANYTHING and previous != expected:
            raise ConflictError(
                f"channel {wanted.channel.value!r} of task {wanted.task!r} points to {previous!r}, "
                f"not to {expected!r}: someone else has moved it; look again and repeat"
            )
        change = replace(wanted, generation=_generation(connection) + 1, previous=previous)
        if change.version is None:
            connection.execute(
                "DELETE FROM channels WHERE task = ? AND channel = ?", (change.task, change.channel.value)
            )
        else:
            connection.execute(
                "INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?)",
                (change.task, change.channel.value, change.version, change.share_ratio),
            )
        connection.execute("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", _to_row(change))
    return change


def _current(connection: sqlite3.Connection, task: str, channel: Channel) -> str | None:
    query = "SELECT version FROM channels WHERE task = ? AND channel = ?"
    row = connection.execute(query, (task, channel.value)).fetchone()
    return str(row[0]) if row is not None else None


def _read_channels(connection: sqlite3.Connection) -> dict[str, Channels]:
    found: dict[str, Channels] = {}
    for task, channel, version, share in connection.execute("SELECT * FROM channels ORDER BY task"):
        known = found.get(task, Channels())
        match Channel(channel):
            case Channel.STABLE:
                found[task] = replace(known, stable=version)
            case Channel.CANARY:
                found[task] = replace(known, canary=version, canary_share_ratio=share)
            case Channel.SHADOW:
                found[task] = replace(known, shadow=version)
    return found


def _generation(connection: sqlite3.Connection) -> int:
    (latest,) = connection.execute("SELECT coalesce(max(generation), 0) FROM changes").fetchone()
    return int(latest)


def _changes(
    connection: sqlite3.Connection, query: str, values: tuple[str | int, int]
) -> tuple[ChannelChange, ...]:
    return tuple(_from_row(row) for row in connection.execute(query, values))


def _to_row(change: ChannelChange) -> Row:
    return (
        change.generation,
        change.task,
        change.channel.value,
        change.version,
        change.previous,
        change.share_ratio,
        change.at.isoformat(),
    )


def _from_row(row: Row) -> ChannelChange:
    generation, task, channel, version, previous, share, at = row
    return ChannelChange(
        generation, task, Channel(channel), version, previous, share, datetime.fromisoformat(at)
    )
