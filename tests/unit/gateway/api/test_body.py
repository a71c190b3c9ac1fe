"""Reading a body: bounded in size and time, and noticing that the client goes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message

from gateway.api.body import BodyReader
from gateway.errors import BodyTooLargeError, InvalidRequestError
from gateway.records import ClientGoneError

GONE: Message = {"type": "http.disconnect"}


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class FakeReceive:
    """Gives the messages in their order and then waits for ever."""

    def __init__(self, *messages: Message) -> None:
        self.left = list(messages)

    async def __call__(self) -> Message:
        if self.left:
            return self.left.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


def reader(*messages: Message, timeout: float = 60.0, max_bytes: int = 10) -> BodyReader:
    return BodyReader(FakeReceive(*messages), max_bytes=max_bytes, timeout_seconds=timeout)


async def test_the_parts_are_joined() -> None:
    assert await reader(part(b"ab", more=True), part(b"", more=True), part(b"cd")).read(None) == b"abcd"
    assert await reader({"type": "http.request"}).read(None) == b""


async def test_the_bound_is_exact() -> None:
    assert await reader(part(b"x" * 10)).read("10") == b"x" * 10
    with pytest.raises(BodyTooLargeError, match="over 10 bytes") as caught:
        await reader(part(b"x" * 11)).read(None)
    assert (caught.value.status, caught.value.code) == (413, "request_too_large")


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    receive = FakeReceive(part(b"x"))
    with pytest.raises(BodyTooLargeError):
        await BodyReader(receive, max_bytes=10, timeout_seconds=60).read("11")
    assert len(receive.left) == 1


async def test_a_body_that_grows_is_refused_at_the_bound() -> None:
    receive = FakeReceive(*[part(b"x" * 4, more=True)] * 5)
    with pytest.raises(BodyTooLargeError):
        await BodyReader(receive, max_bytes=10, timeout_seconds=60).read("4")
    assert len(receive.left) == 2


@pytest.mark.parametrize("length", ["", "x", "-1", "²", "٣٣٣", "9" * 5000, "1e9", "0x1f4"])
async def test_a_length_that_is_none_is_not_trusted(length: str) -> None:
    assert await reader(part(b"ab")).read(length) == b"ab"


async def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="did not arrive within 0 s"):
        await reader(part(b"a", more=True), timeout=0).read(None)


async def test_a_client_that_goes_before_its_request_is_complete_is_noticed() -> None:
    with pytest.raises(ClientGoneError):
        await reader(part(b"a", more=True), GONE).read(None)


async def test_a_hang_up_is_told_once_after_the_body() -> None:
    told: list[str] = []
    body = reader(part(b"a"), part(b""), GONE)
    watcher = asyncio.ensure_future(body.wait_for_hang_up(lambda: told.append("gone")))
    for _ in range(5):
        await asyncio.sleep(0)
    assert (told, body.has_hung_up) == ([], False)
    await body.read(None)
    await watcher
    assert (told, body.has_hung_up) == (["gone"], True)


async def test_the_watch_takes_nothing_of_the_body() -> None:
    body = reader(part(b"a", more=True), part(b"b"))
    watcher: asyncio.Task[Any] = asyncio.create_task(body.wait_for_hang_up(lambda: None))
    await asyncio.sleep(0)
    assert await body.read(None) == b"ab"
    watcher.cancel()


async def test_a_disconnect_after_the_last_byte_is_no_hang_up() -> None:
    told: list[str] = []
    body = reader(part(b"a"), GONE)
    await body.read(None)
    body.is_answered = True
    await body.wait_for_hang_up(lambda: told.append("gone"))
    assert (told, body.has_hung_up) == ([], False)
