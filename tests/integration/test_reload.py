"""Tasks are reloaded while requests are served; a broken file keeps the old version serving."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.calls import chat_body
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayThread
from tests.support.stub_engine import StubEngine

CHAT = "/v1/chat/completions"
WAIT_SECONDS = 20.0


@pytest.fixture
def reloading(start_gateway: StartGateway, engine: StubEngine) -> GatewayThread:
    """A gateway that watches its tasks."""
    return start_gateway(engine, changes={"tasks": {"reload": True}})


@pytest.fixture
async def reloading_client(reloading: GatewayThread) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with httpx.AsyncClient(base_url=reloading.url) as http:
        yield http


def read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return value


def write(path: Path, task: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(task, sort_keys=False), encoding="utf-8")


async def wait_for_status(client: httpx.AsyncClient, model: str, status: int) -> httpx.Response:
    """Ask until a model answers with the status."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (response := await client.post(CHAT, json=chat_body(model=model))).status_code != status:
        assert time.monotonic() < deadline, response.text
    return response


async def wait_for_prompt(client: httpx.AsyncClient, engine: StubEngine, words: str) -> None:
    """Ask until the task's prompt holds the words."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        await client.post(CHAT, json=chat_body("hello", model="rewrite-standard"))
        if words in str(engine.generations[-1].body["messages"]):
            return
        assert time.monotonic() < deadline, engine.generations[-1].body


async def test_a_changed_task_serves_without_a_restart(
    reloading_client: httpx.AsyncClient, engine: StubEngine, tmp_path: Path
) -> None:
    path = tmp_path / "tasks" / "rewrite-standard.yaml"
    write(path, {**read(path), "prompt": "In other words: {{ input }}"})
    await wait_for_prompt(reloading_client, engine, "In other words: hello")


async def test_a_new_task_serves_and_a_deleted_one_is_gone(
    reloading_client: httpx.AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "tasks" / "rewrite-standard.yaml"
    write(tmp_path / "tasks" / "shout.yaml", {**read(path), "name": "shout"})
    response = await wait_for_status(reloading_client, "shout", 200)
    assert response.headers["x-firstline-task"] == "shout"
    path.unlink()
    await wait_for_status(reloading_client, "rewrite-standard", 404)


async def test_a_broken_file_keeps_the_old_version_serving(
    reloading_client: httpx.AsyncClient, engine: StubEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "tasks"
    path = folder / "rewrite-standard.yaml"
    good = read(path)
    path.write_text("name: [broken", encoding="utf-8")
    # The folder is read as a whole: once the new file serves, the broken one has been read too.
    write(folder / "shout.yaml", {**good, "name": "shout"})
    await wait_for_status(reloading_client, "shout", 200)
    response = await reloading_client.post(CHAT, json=chat_body(model="rewrite-standard"))
    assert response.status_code == 200
    write(path, {**good, "prompt": "Mended: {{ input }}"})
    await wait_for_prompt(reloading_client, engine, "Mended: hello")
