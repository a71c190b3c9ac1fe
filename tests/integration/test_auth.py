"""Keys: who may call, who may administer, and what a stranger learns."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.calls import assert_error, chat_body
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayThread
from tests.support.stub_engine import StubEngine

CHAT = "/v1/chat/completions"
DATA_KEY, ADMIN_KEY = "sk-data-0001", "sk-admin-0001"


@pytest.fixture
def guarded(start_gateway: StartGateway, engine: StubEngine, tmp_path: Path) -> GatewayThread:
    """A gateway with one key of each scope."""
    lines = [
        f"{tenant} {scope} {hashlib.sha256(key.encode()).hexdigest()}\n"
        for tenant, scope, key in (("acme", "data", DATA_KEY), ("ops", "admin", ADMIN_KEY))
    ]
    (tmp_path / "keys").write_text("# tenants\n" + "".join(lines), encoding="utf-8")
    return start_gateway(engine, changes={"auth": {"keys_file": "keys"}})


@pytest.fixture
async def stranger(guarded: GatewayThread) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(base_url=guarded.url) as http:
        yield http


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_known_key_may_call(stranger: httpx.AsyncClient, engine: StubEngine) -> None:
    response = await stranger.post(CHAT, json=chat_body(), headers=bearer(DATA_KEY))
    assert response.status_code == 200
    assert len(engine.generations) == 1


@pytest.mark.parametrize("header", ["", "Bearer", "Basic c2stZGF0YS0wMDAx", "Bearer sk-wrong"])
@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/responses", "/v1/embeddings"])
async def test_a_stranger_is_refused(
    stranger: httpx.AsyncClient, engine: StubEngine, path: str, header: str
) -> None:
    response = await stranger.post(path, json=chat_body(), headers={"Authorization": header})
    message = assert_error(response, 401, "invalid_api_key")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "sk-" not in message
    assert engine.generations == []


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/auto"])
async def test_a_stranger_sees_no_models(stranger: httpx.AsyncClient, path: str) -> None:
    assert_error(await stranger.get(path), 401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_need_no_key(stranger: httpx.AsyncClient, path: str) -> None:
    assert (await stranger.get(path)).status_code == 200


async def test_a_stranger_is_refused_before_the_body_is_read(guarded: GatewayThread) -> None:
    place = urlsplit(guarded.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode())
    status_line = await reader.readuntil(b"\r\n")
    assert b" 401 " in status_line
    writer.transport.abort()


async def test_a_known_key_sees_the_models(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/v1/models", headers=bearer(DATA_KEY))
    assert response.status_code == 200
