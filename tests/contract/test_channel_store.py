"""What every channel store keeps to; a new store is one more maker in `MAKERS`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import ConflictError
from gateway.state import BASE_VERSION, Channel, Channels, ChannelStore, SqliteChannelStore

FIRST, SECOND, THIRD = "a" * 12, "b" * 12, "c" * 12
NOW = datetime(2026, 1, 14, 12, 0, tzinfo=UTC)
Open = Callable[[], ChannelStore]
MAKERS: dict[str, Callable[[Path], ChannelStore]] = {
    "sqlite": lambda folder: SqliteChannelStore(folder / "state" / "channels.sqlite3", now=lambda: NOW),
}


@pytest.fixture(params=sorted(MAKERS))
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the same store again and again, as several processes would."""
    opened: list[ChannelStore] = []

    def make() -> ChannelStore:
        opened.append(MAKERS[request.param](tmp_path))
        return opened[-1]

    yield make
    for store in opened:
        await store.close()


async def test_a_task_that_was_never_pointed_has_no_stable_version(open_store: Open) -> None:
    store = open_store()
    assert await store.stable("invoice") is None
    assert await store.channels() == {}
    assert await store.generation() == 0
    assert await store.history("invoice") == ()


async def test_what_is_pointed_is_read_back_by_another_process(open_store: Open) -> None:
    await open_store().point("invoice", Channel.STABLE, FIRST)
    other = open_store()
    assert await other.stable("invoice") == FIRST
    assert await other.channels() == {"invoice": Channels(stable=FIRST)}


async def test_channels_of_a_task_are_independent(open_store: Open) -> None:
    store = open_store()
    await store.point("invoice", Channel.STABLE, FIRST)
    await store.point("invoice", Channel.CANARY, SECOND, share_ratio=0.25)
    await store.point("invoice", Channel.SHADOW, BASE_VERSION)
    await store.point("ticket", Channel.STABLE, BASE_VERSION)
    found = await store.channels()
    assert found["invoice"] == Channels(FIRST, SECOND, 0.25, BASE_VERSION)
    assert found["invoice"].versions == {FIRST, SECOND}
    assert found["ticket"].versions == frozenset()


async def test_clearing_a_channel_leaves_nothing(open_store: Open) -> None:
    store = open_store()
    await store.point("invoice", Channel.CANARY, FIRST, share_ratio=0.1)
    await store.point("invoice", Channel.CANARY, None)
    assert await store.channels() == {}
    assert await store.generation() == 2


@pytest.mark.parametrize("expected", [None, SECOND])
async def test_a_wrong_expectation_is_a_conflict_and_changes_nothing(
    open_store: Open, expected: str | None
) -> None:
    store = open_store()
    await store.point("invoice", Channel.STABLE, FIRST)
    with pytest.raises(ConflictError, match=FIRST):
        await store.point("invoice", Channel.STABLE, THIRD, expected=expected)
    assert await store.stable("invoice") == FIRST
    assert await store.generation() == 1


async def test_of_many_processes_at_once_exactly_one_wins(open_store: Open) -> None:
    stores = [open_store() for _ in range(6)]
    versions = [f"{number:012x}" for number in range(6)]
    moves = (
        store.point("invoice", Channel.STABLE, version, expected=None)
        for store, version in zip(stores, versions, strict=True)
    )
    results = await asyncio.gather(*moves, return_exceptions=True)
    won = [result for result in results if not isinstance(result, BaseException)]
    assert len(won) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 5
    assert await stores[0].stable("invoice") == won[0].version


async def test_moves_are_numbered_without_gaps_and_told_in_order(open_store: Open) -> None:
    store, other = open_store(), open_store()
    await store.point("invoice", Channel.STABLE, FIRST)
    await other.point("ticket", Channel.STABLE, SECOND)
    await store.point("invoice", Channel.STABLE, THIRD, expected=FIRST)
    told = await other.changes(since=1)
    assert [(move.generation, move.task, move.version, move.previous) for move in told] == [
        (2, "ticket", SECOND, None),
        (3, "invoice", THIRD, FIRST),
    ]
    assert await other.changes(since=3) == ()
    assert told[0].at == NOW


async def test_history_is_of_one_task_and_newest_first(open_store: Open) -> None:
    store = open_store()
    for version in (FIRST, SECOND, THIRD):
        await store.point("invoice", Channel.STABLE, version)
        await store.point("ticket", Channel.STABLE, version)
    history = await store.history("invoice", limit=2)
    assert [(move.version, move.previous) for move in history] == [(THIRD, SECOND), (SECOND, FIRST)]


@pytest.mark.parametrize(
    ("channel", "version", "share"),
    [
        (Channel.STABLE, "not a version", 0.0),
        (Channel.STABLE, FIRST + "a", 0.0),
        (Channel.CANARY, FIRST, 1.5),
        (Channel.CANARY, FIRST, -0.1),
        (Channel.CANARY, FIRST, float("nan")),
        (Channel.STABLE, FIRST, 0.5),
        (Channel.CANARY, None, 0.5),
    ],
)
async def test_impossible_pointers_are_refused(
    open_store: Open, channel: Channel, version: str | None, share: float
) -> None:
    store = open_store()
    with pytest.raises(ValueError, match=r"version|share"):
        await store.point("invoice", channel, version, share_ratio=share)
    assert await store.generation() == 0
