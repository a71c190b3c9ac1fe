"""What is particular to the SQLite store: its file, its schema version, a process that is killed."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import InternalError
from gateway.state import Channel, SqliteChannelStore

VERSION = "a" * 12
_POINT_AND_DIE = """
import asyncio, os, pathlib, signal, sys
from gateway.state import Channel, SqliteChannelStore

async def main():
    store = SqliteChannelStore(pathlib.Path(sys.argv[1]))
    await store.point("invoice", Channel.STABLE, "a" * 12)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_move_survives_a_process_that_is_killed_right_after_it(tmp_path: Path) -> None:
    path = tmp_path / "channels.sqlite3"
    command = [sys.executable, "-c", _POINT_AND_DIE, str(path)]
    ended = await asyncio.to_thread(subprocess.run, command, check=False)
    assert ended.returncode == -9
    store = SqliteChannelStore(path)
    assert await store.stable("invoice") == VERSION
    await store.close()


async def test_a_file_of_a_later_release_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "channels.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    store = SqliteChannelStore(path)
    with pytest.raises(InternalError, match=r"schema version 99; this release reads 1"):
        await store.generation()
    await store.close()


async def test_a_file_that_is_no_database_is_a_typed_failure(tmp_path: Path) -> None:
    path = tmp_path / "channels.sqlite3"
    path.write_bytes(b"not a database, but long enough to look like one" * 100)
    store = SqliteChannelStore(path)
    with pytest.raises(InternalError, match="the channel store failed"):
        await store.point("invoice", Channel.STABLE, VERSION)
    await store.close()


async def test_the_write_ahead_log_is_on(tmp_path: Path) -> None:
    path = tmp_path / "channels.sqlite3"
    store = SqliteChannelStore(path)
    await store.generation()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await store.close()
