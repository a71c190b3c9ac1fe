"""A real vLLM server, and the gateway in front of it with the settings of `make run`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.settings import EscalationSettings, PoolKind, PoolSettings, Settings
from gateway.settings_load import load_settings
from tests.support.embedded_engine import embedded_engine
from tests.support.gateway_process import GatewayThread
from tests.support.settings_files import MODEL, REPOSITORY, UPSTREAM_MODEL

REQUEST_SECONDS = 180.0


@pytest.fixture(scope="session")
def engine_opens(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """Where the engine notes the adapter files that it opens; none where it runs already, unless
    `FIRSTLINE_TEST_ENGINE_OPENS` names the place.
    """
    if "FIRSTLINE_TEST_ENGINE_URL" in os.environ:
        given = os.environ.get("FIRSTLINE_TEST_ENGINE_OPENS")
        return Path(given) if given else None
    return tmp_path_factory.mktemp("opens") / "opens.log"


@pytest.fixture(scope="session")
def engine_url(tmp_path_factory: pytest.TempPathFactory, engine_opens: Path | None) -> Iterator[str]:
    """A running engine; `FIRSTLINE_TEST_ENGINE_URL` names one that runs already."""
    log = tmp_path_factory.mktemp("engine") / "engine.log"
    with embedded_engine(log, served_names=(MODEL, UPSTREAM_MODEL), opens=engine_opens) as url:
        yield url.rstrip("/")


@pytest.fixture(scope="session")
def gateway(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    """The gateway with the example tasks, the handbook and the shipped adapter."""
    environment = {
        "FIRSTLINE_HOME": str(tmp_path_factory.mktemp("home")),
        "FIRSTLINE_ENGINE_PORT": str(urlsplit(engine_url).port),
    }
    settings = load_settings(REPOSITORY / "examples" / "firstline.yaml", environment)
    with GatewayThread(_with_second_pool(settings, engine_url)) as running:
        yield running.wait_ready("large/0")


@pytest.fixture
def gateway_url(gateway: GatewayThread) -> str:
    """Root of the gateway, without `/v1`."""
    return gateway.url


@pytest.fixture
async def client(gateway_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway; a small model on two cores takes its time."""
    async with httpx.AsyncClient(base_url=gateway_url, timeout=REQUEST_SECONDS) as http:
        yield http


def _with_second_pool(settings: Settings, url: str) -> Settings:
    """The target of escalation: the same engine as an OpenAI-compatible URL, by its second name."""
    pool = PoolSettings.model_validate(
        {"kind": PoolKind.OPENAI, "engines": [{"url": url}], "models": [UPSTREAM_MODEL]}
    )
    escalation = EscalationSettings(pool="large", model=UPSTREAM_MODEL)
    return settings.model_copy(update={"pools": {**settings.pools, "large": pool}, "escalation": escalation})
