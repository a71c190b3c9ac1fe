"""Sending a reply: a client that takes nothing more is a client that has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from starlette.types import Message, Receive

from gateway.api.body import BodyReader
from gateway.api.reply import PipelineEndpoint
from gateway.records import Delta, Endpoint, InboundRequest, ReplyDelta, ReplyHead, ReplyItem
from tests.unit.gateway.fakes import make_chat, make_route


class EndlessPipeline:
    """Streams until it is closed."""

    def __init__(self) -> None:
        self.is_closed = False

    async def run(self, request: InboundRequest) -> AsyncGenerator[ReplyItem]:
        await request.read_body()
        try:
            yield ReplyHead(make_chat(stream=True), make_route())
            while True:
                yield ReplyDelta(Delta(text="x"))
        finally:
            self.is_closed = True


def body(receive: Receive) -> BodyReader:
    return BodyReader(receive, max_bytes=1000, timeout_seconds=5)


async def test_a_client_that_stops_reading_ends_the_generation() -> None:
    sent: list[Message] = []
    pipeline: Any = EndlessPipeline()
    came = [{"type": "http.request", "body": b"{}"}]

    async def receive() -> Message:
        return came.pop() if came else await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 4:
            await asyncio.Future()  # the buffers are full, and nobody empties them

    endpoint = PipelineEndpoint(pipeline, Endpoint.CHAT, body, send_seconds=0.02)
    scope = {"type": "http", "headers": [], "state": {"request_id": "r"}}
    async with asyncio.timeout(5):
        await endpoint(scope, receive, send)
    assert pipeline.is_closed
    assert [message["type"] for message in sent] == ["http.response.start"] + ["http.response.body"] * 3
