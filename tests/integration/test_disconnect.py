"""A client that goes away: its generation is aborted on the engine and the gateway forgets it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.calls import INVOICE_TEXT, chat_body
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayThread
from tests.support.metrics import metric, wait_for_metric
from tests.support.stub_engine import BEFORE_HEADERS, Reply, StubEngine

CHAT = "/v1/chat/completions"


@asynccontextmanager
async def sent_request(url: str, path: str, body: dict[str, Any]) -> AsyncIterator[asyncio.StreamReader]:
    """Send a request on a bare connection; leaving the block closes it at once, like a client that dies."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()
    try:
        yield reader
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("hang_after", [BEFORE_HEADERS, 0])
async def test_a_client_that_goes_before_the_first_token_stops_the_generation(
    gateway: GatewayThread, engine: StubEngine, hang_after: int, is_stream: bool
) -> None:
    engine.script(Reply(text="one two", hang_after=hang_after))
    async with sent_request(gateway.url, CHAT, chat_body(stream=is_stream)):
        await engine.until(lambda stub: stub.generations)
    await engine.until(lambda stub: stub.aborted == 1)


async def test_a_client_that_goes_in_the_middle_of_a_stream_stops_the_generation(
    gateway: GatewayThread, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=("one", " two", " three"), hang_after=2))
    async with sent_request(gateway.url, CHAT, chat_body(stream=True)) as reader:
        assert b"HTTP/1.1 200" in await reader.readuntil(b"\r\n")
        await reader.readuntil(b" two")
    await engine.until(lambda stub: stub.aborted == 1)


async def test_a_client_that_goes_while_an_answer_is_repaired_stops_the_repair(
    gateway: GatewayThread, engine: StubEngine
) -> None:
    engine.script(Reply(text="{}"), Reply(text="{}", hang_after=0))
    async with sent_request(gateway.url, CHAT, chat_body(INVOICE_TEXT, model="invoice-extract")):
        await engine.until(lambda stub: len(stub.generations) == 2)
    await engine.until(lambda stub: stub.aborted == 1)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/responses"])
async def test_the_other_endpoints_stop_their_generation_too(
    gateway: GatewayThread, engine: StubEngine, path: str
) -> None:
    engine.script(Reply(tokens=("one", " two"), hang_after=1))
    body = {"model": "smollm2-135m", "prompt": "x", "input": "x", "stream": True}
    body.pop("input" if path == "/v1/completions" else "prompt")
    async with sent_request(gateway.url, path, body) as reader:
        await reader.readuntil(b"one")
    await engine.until(lambda stub: stub.aborted == 1)


@pytest.mark.parametrize(("path", "endpoint"), [(CHAT, "chat"), ("/v1/embeddings", "embeddings")])
async def test_a_client_that_goes_within_its_body_leaves_nothing_behind_but_a_record(
    fresh: GatewayThread, engine: StubEngine, path: str, endpoint: str
) -> None:
    place = urlsplit(fresh.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode())
    await writer.drain()
    in_flight = f'firstline_requests_in_flight{{endpoint="{endpoint}"}}'
    await wait_for_metric(fresh.url, in_flight, 1)
    writer.transport.abort()
    await wait_for_metric(fresh.url, in_flight, 0)
    labels = f'action="",code="client_closed",endpoint="{endpoint}",outcome="failed",task=""'
    await wait_for_metric(fresh.url, f"firstline_requests_total{{{labels}}}", 1)
    assert engine.generations == []


async def test_a_request_that_was_left_is_counted_as_closed_by_the_client(
    fresh: GatewayThread, engine: StubEngine
) -> None:
    engine.script(Reply(text="one two", hang_after=0))
    async with sent_request(fresh.url, CHAT, chat_body(stream=True)):
        await engine.until(lambda stub: stub.generations)
    labels = 'action="answer",code="client_closed",endpoint="chat",outcome="failed",task=""'
    await wait_for_metric(fresh.url, f"firstline_requests_total{{{labels}}}", 1)
    assert await metric(fresh.url, 'firstline_requests_in_flight{endpoint="chat"}') == 0


async def test_a_body_that_never_arrives_is_given_up(start_gateway: StartGateway, engine: StubEngine) -> None:
    gateway = start_gateway(engine, changes={"server": {"body_timeout_seconds": 0.2}})
    place = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert b"x-request-id" in head.lower()
    writer.transport.abort()


async def test_one_client_that_goes_does_not_disturb_another(
    gateway: GatewayThread, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=("a", "b"), hang_after=1), Reply(tokens=("c", "d"), hang_after=1))
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        async with sent_request(gateway.url, CHAT, chat_body(stream=True)) as reader:
            await reader.readuntil(b'"a"')
            other = asyncio.create_task(client.post(CHAT, json=chat_body(stream=True)))
            await engine.until(lambda stub: len(stub.generations) == 2)
        await engine.until(lambda stub: stub.aborted == 1)
        engine.release()
        response = await other
    assert '"c"' in response.text
    assert '"d"' in response.text
