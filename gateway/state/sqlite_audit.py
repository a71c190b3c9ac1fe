"""The embedded audit trail: one SQLite file in WAL mode, shared by processes of one machine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from gateway.errors import InternalError
from gateway.state._sqlite import FileSettings, SqliteFile, transaction
from gateway.state.audit import (
    FIRST_HASH,
    MAX_RECORDS,
    AuditEntry,
    AuditFault,
    AuditOutcome,
    AuditRecord,
    fault_in,
    record_of,
)

SCHEMA_VERSION: Final = 1
_BUSY_SECONDS: Final = 10.0
_SCHEMA: Final = (
    """
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        actor TEXT NOT NULL,
        act TEXT NOT NULL,
        subject TEXT NOT NULL,
        outcome TEXT NOT NULL,
        details TEXT NOT NULL,
        previous_hash TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX audit_by_subject ON audit (subject, id)",
    # Against slips alone: who can write the file can drop these, and the hashes tell.
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'append only'); END",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'append only'); END",
)
_OF_SUBJECT: Final = "(:subject IS NULL OR subject = :subject OR subject GLOB :subject || '@*')"

Result = TypeVar("Result")
Row = tuple[int, str, str, str, str, str, str, str, str]


class SqliteAuditStore:
    """All work runs in one thread of its own; each record is one transaction on disk."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file = SqliteFile(path, "audit", FileSettings(_prepare, _BUSY_SECONDS, "FULL"))
        self._now = now

    async def check(self) -> None:
        """Make sure that a record could be written now."""

        def write_what_stands_there(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

        await self._run(write_what_stands_there)

    async def append(self, entry: AuditEntry) -> AuditRecord:
        """Write one record after the last."""
        return await self._run(lambda connection: _append(connection, entry.bounded(), self._now()))

    async def records(
        self, *, subject: str | None = None, after: int = 0, limit: int = MAX_RECORDS
    ) -> tuple[AuditRecord, ...]:
        """Records after an id, oldest first."""
        query = f"SELECT * FROM audit WHERE id > :after AND {_OF_SUBJECT} ORDER BY id LIMIT :limit"  # noqa: S608 - a constant
        values = {"after": after, "subject": subject, "limit": min(limit, MAX_RECORDS)}

        def read(connection: sqlite3.Connection) -> tuple[AuditRecord, ...]:
            return tuple(_from_row(row) for row in connection.execute(query, values))

        return await self._run(read)

    async def verify(self) -> AuditFault | None:
        """Walk the whole chain."""
        return await self._run(_verify)

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._file.close()

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return await self._file.run(work)
        except (sqlite3.Error, OSError) as error:
            raise InternalError(f"the audit trail failed: {error}") from error


def _prepare(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found == 0:
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif found != SCHEMA_VERSION:
            raise InternalError(
                f"the audit trail has schema version {found}; this release reads {SCHEMA_VERSION}"
            )


def _append(connection: sqlite3.Connection, entry: AuditEntry, now: datetime) -> AuditRecord:
    with transaction(connection):
        last = connection.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
        number, previous = (last[0] + 1, last[1]) if last else (1, FIRST_HASH)
        record = record_of(number, now, entry, previous)
        connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _to_row(record))
    return record


def _verify(connection: sqlite3.Connection) -> AuditFault | None:
    before: AuditRecord | None = None
    for row in connection.execute("SELECT * FROM audit ORDER BY id"):
        try:
            record = _from_row(row)
        except ValueError:
            return AuditFault(row[0], "it cannot be read")
        fault = fault_in(record, before)
        if fault is not None:
            return fault
        before = record
    return None


def _to_row(record: AuditRecord) -> Row:
    entry = record.entry
    return (
        record.id,
        record.at.isoformat(),
        entry.actor,
        entry.act,
        entry.subject,
        entry.outcome.value,
        json.dumps(dict(entry.details), ensure_ascii=False, sort_keys=True),
        record.previous_hash,
        record.hash,
    )


def _from_row(row: Row) -> AuditRecord:
    number, at, actor, act, subject, outcome, details, previous_hash, hashed = row
    entry = AuditEntry(actor, act, subject, AuditOutcome(outcome), json.loads(details))
    return AuditRecord(number, datetime.fromisoformat(at), entry, previous_hash, hashed)
