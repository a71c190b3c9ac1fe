"""Sending a reply: what a failure says, and that a client that takes nothing more has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.types import Message, Receive

from gateway.api.body import BodyReader
from gateway.api.reply import PipelineEndpoint
from gateway.errors import EngineTimeoutError, ModelNotFoundError
from gateway.records import Delta, Endpoint, InboundRequest, ReplyDelta, ReplyHead, ReplyItem
from tests.unit.gateway.api.replies import FIRST
from tests.unit.gateway.fakes import make_chat, make_route, make_task


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


@dataclass
class FailingPipeline:
    """Fails, once it is routed or before."""

    failure: Exception
    is_routed: bool = True

    async def run(self, request: InboundRequest) -> AsyncGenerator[ReplyItem]:
        await request.read_body()
        if self.is_routed:
            route = make_route(task=make_task())
            yield ReplyHead(make_chat(stream=True), route, (), lambda: (FIRST,))
        raise self.failure


async def failed(pipeline: Any) -> tuple[int, dict[str, str]]:
    """Status and headers of the response to a request that fails."""
    sent: list[Message] = []
    came = [{"type": "http.request", "body": b"{}"}]

    async def receive() -> Message:
        return came.pop() if came else await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [], "state": {"request_id": "r"}}
    await PipelineEndpoint(pipeline, Endpoint.CHAT, body)(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], {name: headers[name] for name in headers if name.startswith("x-firstline")}


@pytest.mark.parametrize(
    ("failure", "status"), [(EngineTimeoutError("slow"), 504), (RuntimeError("a defect"), 500)]
)
async def test_a_failure_after_routing_says_what_is_known(failure: Exception, status: int) -> None:
    assert await failed(FailingPipeline(failure)) == (
        status,
        {
            "x-firstline-action": "answer",
            "x-firstline-confidence": "1.0000",
            "x-firstline-task": "invoice",
            "x-firstline-model": "invoice@abc",
            "x-firstline-outcome": "failed",
            "x-firstline-attempts": "1",
            "x-firstline-cost-usd": "0.250000000",
        },
    )


async def test_a_failure_before_routing_says_nothing_of_a_route() -> None:
    assert await failed(FailingPipeline(ModelNotFoundError("x"), is_routed=False)) == (404, {})


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
