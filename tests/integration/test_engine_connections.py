"""Connections to an engine: kept for the next request, and given up before the engine gives them up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.engines.client import KEPT_SECONDS, EngineClient, EngineUnreachableError
from tests.support.stub_engine import StubEngine

UVICORN_KEEP_ALIVE_SECONDS = 5


@asynccontextmanager
async def counting_server() -> AsyncIterator[tuple[str, list[int]]]:
    """Answers every request with `{}`; the list holds how many requests each connection brought."""
    brought: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = len(brought)
        brought.append(0)
        while (await reader.readline()) != b"":
            while (await reader.readline()) not in (b"\r\n", b""):
                pass
            brought[place] += 1
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", brought
    finally:
        server.close()


@pytest.mark.parametrize(("kept_seconds", "brought"), [(60.0, [2]), (0.01, [1, 1])])
async def test_a_connection_that_was_idle_for_too_long_is_not_used_again(
    kept_seconds: float, brought: list[int]
) -> None:
    async with counting_server() as (url, seen), EngineClient(url, kept_seconds=kept_seconds) as client:
        await client.call("GET", "/health", timeout_seconds=5)
        await asyncio.sleep(0.1)
        await client.call("GET", "/health", timeout_seconds=5)
    assert seen == brought


def test_the_engine_keeps_a_connection_for_longer_than_the_gateway() -> None:
    assert KEPT_SECONDS < UVICORN_KEEP_ALIVE_SECONDS


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/nowhere", 404)])
async def test_a_check_is_told_the_status_of_a_refusal_too(
    engine: StubEngine, path: str, status: int
) -> None:
    async with EngineClient(engine.url) as client:
        assert await client.status(path, timeout_seconds=5) == status


async def test_a_check_of_nobody_is_unreachable(engine: StubEngine) -> None:
    engine.stop()
    async with EngineClient(engine.url) as client:
        with pytest.raises(EngineUnreachableError):
            await client.status("/health", timeout_seconds=5)


async def test_checks_keep_their_connection() -> None:
    async with counting_server() as (url, seen), EngineClient(url) as client:
        for _ in range(2):
            assert await client.status("/health", timeout_seconds=5) == 200
    assert seen == [2]
