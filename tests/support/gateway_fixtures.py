"""Scripted engines and a gateway in front of them; a folder's conftest imports what it needs.

The engines, and the gateways with default settings, live as long as the session: starting one costs most
of a second. Every test gets the engines as new, and a test that counts starts a gateway of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway_process import GatewayThread
from tests.support.settings_files import UPSTREAM_MODEL, settings_for
from tests.support.stub_engine import StubEngine

StartGateway = Callable[..., GatewayThread]
CLIENT_TIMEOUT_SECONDS = 30.0


@pytest.fixture(scope="session")
def session_engine() -> Iterator[StubEngine]:
    """The scripted vLLM behind `engine`."""
    with StubEngine() as stub:
        yield stub


@pytest.fixture(scope="session")
def session_upstream() -> Iterator[StubEngine]:
    """The scripted provider behind `upstream`."""
    with StubEngine(UPSTREAM_MODEL, kind="openai") as stub:
        yield stub


@pytest.fixture(scope="session")
def session_gateway(
    session_engine: StubEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayThread]:
    """The gateway behind `gateway`."""
    settings = settings_for(tmp_path_factory.mktemp("gateway"), [session_engine.url])
    with GatewayThread(settings) as running:
        yield running


@pytest.fixture(scope="session")
def session_escalating(
    session_engine: StubEngine, session_upstream: StubEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayThread]:
    """The gateway behind `escalating`."""
    folder = tmp_path_factory.mktemp("escalating")
    settings = settings_for(folder, [session_engine.url], upstream_url=session_upstream.url)
    with GatewayThread(settings) as running:
        yield running


@pytest.fixture
def engine(session_engine: StubEngine) -> Iterator[StubEngine]:
    """A scripted vLLM."""
    session_engine.reset()
    yield session_engine
    session_engine.reset()


@pytest.fixture
def upstream(session_upstream: StubEngine) -> Iterator[StubEngine]:
    """A scripted provider, the target of escalation."""
    session_upstream.reset()
    yield session_upstream
    session_upstream.reset()


@pytest.fixture
def gateway(session_gateway: GatewayThread, engine: StubEngine) -> GatewayThread:
    """A gateway with one engine and no escalation."""
    return session_gateway.wait_ready()


@pytest.fixture
def escalating(session_escalating: GatewayThread, engine: StubEngine, upstream: StubEngine) -> GatewayThread:
    """A gateway with one engine and an escalation pool."""
    return session_escalating.wait_ready("large/0")


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[StartGateway]:
    """Start a gateway: `start_gateway(engine, upstream=..., changes=..., tasks=...)`."""
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
            if not is_ready:
                return gateway
            return gateway.wait_ready("large/0") if upstream is not None else gateway.wait_ready()

        yield start


@pytest.fixture
def fresh(start_gateway: StartGateway, engine: StubEngine) -> GatewayThread:
    """A gateway that has served nothing yet, for tests that count."""
    return start_gateway(engine)


@pytest.fixture
async def fresh_client(fresh: GatewayThread) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `fresh`."""
    async with httpx.AsyncClient(base_url=fresh.url, timeout=CLIENT_TIMEOUT_SECONDS) as http:
        yield http


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
