"""The gateway in front of scripted engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway_process import GatewayThread
from tests.support.settings_files import settings_for
from tests.support.stub_engine import StubEngine

StartGateway = Callable[..., GatewayThread]
CLIENT_TIMEOUT_SECONDS = 30.0


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[StartGateway]:
    """Start a gateway with changed settings: `start_gateway(engine, upstream=..., changes=..., tasks=...)`."""
    with ExitStack() as stack:

        def start(
            *engines: StubEngine,
            upstream: StubEngine | None = None,
            is_ready: bool = True,
            **written: Any,
        ) -> GatewayThread:
            urls = [engine.url for engine in engines]
            upstream_url = upstream.url if upstream is not None else None
            settings = settings_for(tmp_path, urls, upstream_url=upstream_url, **written)
            gateway = stack.enter_context(GatewayThread(settings))
            return gateway.wait_ready() if is_ready else gateway

        yield start


@pytest.fixture
def gateway(start_gateway: StartGateway, engine: StubEngine) -> GatewayThread:
    """A gateway with one engine and no escalation."""
    return start_gateway(engine)


@pytest.fixture
def escalating(start_gateway: StartGateway, engine: StubEngine, upstream: StubEngine) -> GatewayThread:
    """A gateway with one engine and an escalation pool."""
    return start_gateway(engine, upstream=upstream)


@pytest.fixture
async def client(gateway: GatewayThread) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `gateway`."""
    async with httpx.AsyncClient(base_url=gateway.url, timeout=CLIENT_TIMEOUT_SECONDS) as http:
        yield http


@pytest.fixture
async def escalating_client(escalating: GatewayThread) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `escalating`."""
    async with httpx.AsyncClient(base_url=escalating.url, timeout=CLIENT_TIMEOUT_SECONDS) as http:
        yield http
