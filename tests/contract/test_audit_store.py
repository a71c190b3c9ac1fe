"""What every audit store keeps to; a new store is one more maker in `MAKERS`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.state import AuditEntry, AuditOutcome, AuditStore, SqliteAuditStore
from gateway.state.audit import FIRST_HASH, MAX_DETAIL_CHARS, MAX_DETAILS

NOW = datetime(2026, 1, 14, 12, 0, tzinfo=UTC)
Open = Callable[[], AuditStore]
MAKERS: dict[str, Callable[[Path], AuditStore]] = {
    "sqlite": lambda folder: SqliteAuditStore(folder / "state" / "audit.sqlite3", now=lambda: NOW),
}


def entry(subject: str = "invoice@aaaaaaaaaaaa", act: str = "promote", **details: str) -> AuditEntry:
    return AuditEntry("operations", act, subject, AuditOutcome.DONE, details)


@pytest.fixture(params=sorted(MAKERS))
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the same store again and again, as several processes would."""
    opened: list[AuditStore] = []

    def make() -> AuditStore:
        opened.append(MAKERS[request.param](tmp_path))
        return opened[-1]

    yield make
    for store in opened:
        await store.close()


async def test_an_empty_trail_holds(open_store: Open) -> None:
    store = open_store()
    assert await store.records() == ()
    assert await store.verify() is None


async def test_records_are_numbered_and_each_follows_the_one_before(open_store: Open) -> None:
    store = open_store()
    first = await store.append(entry(reason="weekly"))
    second = await store.append(entry(act="retire"))
    assert (first.id, first.at, first.previous_hash) == (1, NOW, FIRST_HASH)
    assert (second.id, second.previous_hash) == (2, first.hash)
    assert await open_store().records() == (first, second)
    assert first.entry.details == {"reason": "weekly"}
    assert await store.verify() is None


async def test_many_processes_write_one_unbroken_chain(open_store: Open) -> None:
    stores = [open_store() for _ in range(4)]
    await asyncio.gather(*(store.append(entry(number=str(n))) for n in range(5) for store in stores))
    records = await stores[0].records()
    assert [record.id for record in records] == list(range(1, 21))
    assert await stores[0].verify() is None


async def test_a_task_shows_its_own_records_and_those_of_its_versions(open_store: Open) -> None:
    store = open_store()
    for subject in ("invoice", "invoice@aaaaaaaaaaaa", "invoice-extract@aaaaaaaaaaaa", "ticket"):
        await store.append(entry(subject))
    assert [r.entry.subject for r in await store.records(subject="invoice")] == [
        "invoice",
        "invoice@aaaaaaaaaaaa",
    ]
    assert [r.id for r in await store.records(subject="invoice@aaaaaaaaaaaa")] == [2]


async def test_records_are_given_in_pages(open_store: Open) -> None:
    store = open_store()
    for _ in range(5):
        await store.append(entry())
    assert [record.id for record in await store.records(after=1, limit=2)] == [2, 3]
    assert await store.records(after=5) == ()


async def test_details_are_bounded(open_store: Open) -> None:
    details = {f"key{number:03}": "x" * 5000 for number in range(100)}
    record = await open_store().append(entry(**details))
    assert len(record.entry.details) == MAX_DETAILS
    assert {len(value) for value in record.entry.details.values()} == {MAX_DETAIL_CHARS}


async def test_a_store_that_can_be_written_passes_the_check_and_gets_no_record(open_store: Open) -> None:
    store = open_store()
    await store.check()
    assert await store.records() == ()
