"""`firstline serve` as a process: it says in a sentence why it cannot start, and drains when it stops."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway.commands.serve import serve_until_stopped
from tests.support.calls import chat_body
from tests.support.gateway_process import GatewayProcess
from tests.support.settings_files import REPOSITORY, write_settings
from tests.support.sse import DONE, chunks_of, events_of, text_of
from tests.support.stub_engine import Reply, StubEngine

CHAT = "/v1/chat/completions"
START_SECONDS = 60


def serve(config: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, which a refused start reaches by itself."""
    kept: Mapping[str, str] = {k: v for k, v in os.environ.items() if not k.startswith("FIRSTLINE_")}
    path = os.pathsep.join(filter(None, (str(REPOSITORY), kept.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "gateway", "--config", str(config), *arguments],
        cwd=REPOSITORY,
        env={**kept, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert "Traceback" not in output
    flat = " ".join(output.split())
    for word in words:
        assert word in flat, output


@pytest.fixture
def config(engine: StubEngine, tmp_path: Path) -> Path:
    return write_settings(tmp_path, [engine.url])


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    assert_refused(serve(tmp_path / "nowhere.yaml"), "nowhere.yaml")


def test_an_unknown_key_is_named(config: Path) -> None:
    config.write_text(config.read_text(encoding="utf-8") + "\nserver:\n  prot: 1\n", encoding="utf-8")
    assert_refused(serve(config), "server.prot")


def test_an_unknown_variable_is_named(config: Path) -> None:
    assert_refused(serve(config, FIRSTLINE_SERVRE__PORT="1"), "FIRSTLINE_SERVRE__PORT")


def test_a_broken_task_is_named(config: Path) -> None:
    (config.parent / "tasks" / "broken.yaml").write_text("name: [", encoding="utf-8")
    assert_refused(serve(config), "broken.yaml")


def test_a_taken_port_is_named(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(serve(config, "--port", port), port, "FIRSTLINE_PORT")


def test_a_public_address_needs_keys(config: Path) -> None:
    assert_refused(serve(config, "--host", "0.0.0.0", "--port", "0"), "auth.keys_file")


def state_is_a_file(home: Path) -> str:
    (home / "state").write_text("", encoding="utf-8")
    return "state"


def state_is_of_a_later_release(home: Path) -> str:
    (home / "state").mkdir()
    with closing(sqlite3.connect(home / "state" / "channels.sqlite3")) as database:
        database.execute("PRAGMA user_version = 99")
    return "the channel store has schema version 99"


def state_is_no_database(home: Path) -> str:
    (home / "state").mkdir()
    (home / "state" / "channels.sqlite3").write_bytes(b"no database" * 100)
    return "the channel store failed"


@pytest.mark.parametrize("level", ["info", "debug"])
@pytest.mark.parametrize(
    "damage", [state_is_a_file, state_is_of_a_later_release, state_is_no_database], ids=lambda f: f.__name__
)
def test_a_start_that_fails_is_one_sentence_and_its_fault_is_logged_at_debug(
    config: Path, damage: Callable[[Path], str], level: str
) -> None:
    (config.parent / "home").mkdir()
    words = damage(config.parent / "home")
    done = serve(config, "--port", "0", FIRSTLINE_LOG__LEVEL=level)
    assert done.returncode == 1
    *logged, sentence = done.stderr.splitlines()
    assert sentence.startswith("The gateway cannot start: ")
    assert words in sentence
    assert sentence.endswith(f"What it writes lies in {config.parent / 'home'}.")
    events = [json.loads(line) for line in logged]  # every other line is the log's
    faults = [event for event in events if event["event"] == "start_failed"]
    assert ["Traceback" in event["exception"] for event in faults] == ([True] if level == "debug" else [])


def test_the_log_starts_with_the_effective_settings_and_masks_secrets(
    engine: StubEngine, upstream: StubEngine, tmp_path: Path
) -> None:
    changes = {"pools": {"large": {"api_key": "${LARGE_KEY}"}}}
    config = write_settings(tmp_path, [engine.url], upstream_url=upstream.url, changes=changes)
    variables = {"LARGE_KEY": "sk-hunter2", "FIRSTLINE_SERVER__MAX_NESTING": "33"}
    with GatewayProcess(config, tmp_path / "gateway.log", variables).wait_ready():
        pass
    log = (tmp_path / "gateway.log").read_text(encoding="utf-8")
    first = json.loads(log.splitlines()[0])
    assert (first["event"], first["settings"]["server"]["max_nesting"]) == ("starting", 33)
    assert first["settings"]["pools"]["large"]["api_key"] == "**********"
    assert "hunter2" not in log


async def test_a_stream_in_flight_is_finished_before_the_process_ends(
    config: Path, engine: StubEngine, tmp_path: Path
) -> None:
    engine.script(Reply(tokens=("one", " two"), hang_after=1))
    seen = ""
    with GatewayProcess(config, tmp_path / "gateway.log").wait_ready() as process:
        async with (
            httpx.AsyncClient(base_url=process.url, timeout=30) as client,
            client.stream("POST", CHAT, json=chat_body(stream=True)) as response,
        ):
            async for text in response.aiter_text():
                seen += text
                if '"one"' in seen and "two" not in seen:
                    process.terminate()
                    process.wait_refusing()
                    engine.release()
        assert process.wait() == 0
    assert text_of(chunks_of(seen)) == "one two"
    assert events_of(seen)[-1].data == DONE


def test_a_loop_that_fails_ends_the_server() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        await asyncio.sleep(0.1)  # the server takes the start-up for done, and serves
        raise RuntimeError("a loop")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert serve_until_stopped(application, listener, drain_seconds=1) is False
