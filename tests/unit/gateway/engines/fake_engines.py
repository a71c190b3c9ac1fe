"""Engines without a network: a client that gives scripted replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from gateway.engines.pool import Pool
from gateway.settings import PoolSettings

Script = bytes | Exception | list[bytes | Exception]


@dataclass
class FakeReply:
    """An open response: a body, or events, of which an exception is where the stream breaks."""

    script: Script

    async def body(self) -> bytes:
        assert isinstance(self.script, bytes)
        return self.script

    async def events(self) -> AsyncIterator[bytes]:
        assert isinstance(self.script, list)
        for event in self.script:
            if isinstance(event, Exception):
                raise event
            yield event


@dataclass
class FakeClient:
    """Gives its replies in their order; the health check answers with `health`, its last entry for ever."""

    replies: list[Script] = field(default_factory=list)
    health: list[int | Exception] = field(default_factory=lambda: [200])
    before: Callable[[], None] = lambda: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    is_open: bool = False

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        stall_seconds: float,
        total_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[FakeReply]:
        self.before()
        self.asked.append(
            {
                "path": path,
                "body": orjson.loads(body or b"null"),
                "stall_seconds": stall_seconds,
                "total_seconds": total_seconds,
            }
        )
        script = self.replies.pop(0)
        if isinstance(script, Exception):
            raise script
        yield FakeReply(script)

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float
    ) -> bytes:
        async with self.open(method, path, body, stall_seconds=timeout_seconds) as reply:
            return await reply.body()

    async def status(self, path: str, *, timeout_seconds: float) -> int:
        self.checked.append(path)
        answer = self.health.pop(0) if len(self.health) > 1 else self.health[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def make_pool(*clients: FakeClient, healthy: bool = True, wait: float = 0.0, **settings: Any) -> Pool:
    """A pool with an engine for each client."""
    engines = [{"url": f"http://engine-{number}"} for number, _ in enumerate(clients)]
    section = PoolSettings.model_validate({"engines": engines, "models": ["m"], **settings})
    pool = Pool("small", section, ready_wait_seconds=wait)
    for engine, client in zip(pool.engines, clients, strict=True):
        engine.client = client  # type: ignore[assignment]  # met by shape
        engine.is_healthy = healthy
    return pool


async def turns(number: int) -> None:
    """Let other tasks run for a few turns of the loop."""
    for _ in range(number):
        await asyncio.sleep(0)


async def until(is_done: Callable[[], bool]) -> None:
    """Let other tasks run until something holds; a bound in turns of the loop, not in time."""
    for _ in range(1000):
        if is_done():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")
