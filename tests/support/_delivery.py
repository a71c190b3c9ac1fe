"""Sending one scripted reply, with the faults that it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.support import _wire
from tests.support._generation import Generation
from tests.support._script import BEFORE_HEADERS, Reply

_PIECE_PAUSE_SECONDS = 0.0005


class Delivery:
    """One reply on its way; `wait_released` is awaited where the script hangs."""

    def __init__(
        self, request: web.Request, reply: Reply, wait_released: Callable[[], Awaitable[object]]
    ) -> None:
        self._request = request
        self._reply = reply
        self._wait_released = wait_released
        self._may_hang = reply.hang_after is not None
        self._may_inject = reply.inject is not None

    async def plain(self) -> web.StreamResponse | None:
        """What happens before a generation begins; None where nothing stands in its way."""
        reply = self._reply
        await _pause(reply.pause_headers_seconds)
        if reply.hang_after == BEFORE_HEADERS:
            self._may_hang = False
            await self._wait_released()
        if reply.cut_after == BEFORE_HEADERS:
            return self._cut(web.Response())
        if reply.status == 200 and reply.body is None:
            return None
        body = reply.body
        if body is None:
            body = _wire.error_body(reply.status, reply.message, reply.error_type, reply.param)
        headers = {"Content-Type": reply.content_type or "application/json", **reply.headers}
        return web.Response(body=body, status=reply.status, headers=headers)

    async def whole(self, generation: Generation) -> web.StreamResponse:
        """A reply that is not streamed; a cut or an injection falls into the middle of its body."""
        reply = self._reply
        await _pause(reply.pause_first_seconds + reply.pause_between_seconds * len(reply.split()))
        data = generation.whole()
        middle = len(data) // 2
        if reply.inject is not None:
            data = data[:middle] + reply.inject + data[middle:]
        response = self._response("application/json")
        response.content_length = len(data)
        if self._may_hang:
            await self._wait_released()
        await response.prepare(self._request)
        if reply.cut_after is not None:
            await response.write(data[:middle])
            return self._cut(response)
        await self._write(response, data)
        await response.write_eof()
        return response

    async def stream(self, generation: Generation) -> web.StreamResponse:
        """A stream of events."""
        reply = self._reply
        response = self._response("text/event-stream; charset=utf-8")
        response.enable_chunked_encoding()
        await response.prepare(self._request)
        await _pause(reply.pause_first_seconds)
        for step in generation.steps():
            await self._disturb(response, step.tokens_before)
            if reply.cut_after is not None and step.tokens_before >= reply.cut_after:
                return self._cut(response)
            await self._write(response, step.data)
            await _pause(reply.pause_between_seconds if step.is_token else 0.0)
        if reply.is_done:
            await self._write(response, _wire.DONE)
        await response.write_eof()
        return response

    async def _disturb(self, response: web.StreamResponse, tokens_before: int) -> None:
        reply = self._reply
        if self._may_inject and tokens_before >= reply.inject_after:
            self._may_inject = False
            await self._write(response, reply.inject or b"")
        if self._may_hang and tokens_before >= (reply.hang_after or 0):
            self._may_hang = False
            await self._wait_released()

    def _response(self, content_type: str) -> web.StreamResponse:
        headers = {"Content-Type": self._reply.content_type or content_type, **self._reply.headers}
        return web.StreamResponse(headers=headers)

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        size = self._reply.piece_bytes
        if size is None:
            await response.write(data)
            return
        for start in range(0, len(data), size):
            await response.write(data[start : start + size])
            await asyncio.sleep(_PIECE_PAUSE_SECONDS)

    def _cut(self, response: web.StreamResponse) -> web.StreamResponse:
        if self._request.transport is not None:
            self._request.transport.abort()
        return response


async def _pause(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)
