"""The audit file: a change that someone makes in it is found, and slips are stopped."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.errors import InternalError
from gateway.state import AuditEntry, AuditFault, AuditOutcome, SqliteAuditStore


async def written(path: Path, records: int = 5) -> None:
    store = SqliteAuditStore(path)
    for number in range(records):
        await store.append(
            AuditEntry("operations", "promote", f"invoice@{number:012}", AuditOutcome.DONE, {"reason": "ok"})
        )
    await store.close()


async def fault_after(path: Path, *statements: str) -> AuditFault | None:
    """What the check finds once someone with access to the file has run some SQL."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("DROP TRIGGER audit_no_delete")
        for statement in statements:
            connection.execute(statement)
    connection.close()
    store = SqliteAuditStore(path)
    try:
        return await store.verify()
    finally:
        await store.close()


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'somebody'",
        "act = 'rollback'",
        "subject = 'ticket'",
        "outcome = 'refused'",
        "at = '2020-01-01T00:00:00+00:00'",
        """details = '{"reason": "better"}'""",
        f"hash = '{'0' * 64}'",
    ],
)
async def test_a_changed_record_is_found(tmp_path: Path, change: str) -> None:
    path = tmp_path / "audit.sqlite3"
    await written(path)
    fault = await fault_after(path, f"UPDATE audit SET {change} WHERE id = 3")
    assert fault == AuditFault(3, "its content was changed")


async def test_a_record_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite3"
    await written(path)
    fault = await fault_after(path, "UPDATE audit SET details = 'no json' WHERE id = 2")
    assert fault == AuditFault(2, "it cannot be read")


async def test_a_deleted_record_is_found(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite3"
    await written(path)
    fault = await fault_after(path, "DELETE FROM audit WHERE id = 2")
    assert fault == AuditFault(3, "a record before it is missing")


async def test_records_that_changed_places_are_found(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite3"
    await written(path)
    moves = [f"UPDATE audit SET id = {to} WHERE id = {at}" for at, to in ((2, 99), (3, 2), (99, 3))]
    assert await fault_after(path, *moves) == AuditFault(2, "it does not follow the record before it")


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_a_slip_is_stopped_by_the_file_itself(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "audit.sqlite3"
    await written(path)
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        connection.execute(statement)
    connection.close()


async def test_a_file_of_a_later_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    store = SqliteAuditStore(path)
    with pytest.raises(InternalError, match="has schema version 9"):
        await store.append(AuditEntry("a", "b", "c", AuditOutcome.DONE))
    await store.close()


async def test_a_folder_that_cannot_be_written_fails_the_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = SqliteAuditStore(tmp_path / "file" / "audit.sqlite3")
    with pytest.raises(InternalError, match="the audit trail failed"):
        await store.check()
    await store.close()
