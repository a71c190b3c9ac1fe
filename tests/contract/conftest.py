"""The official clients, and the gateway that they talk to."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import INVOICE_TEXT, WEATHER_TOOL, YES_NO
from tests.support.gateway_fixtures import (
    client,
    engine,
    escalating,
    escalating_client,
    gateway,
    session_engine,
    session_escalating,
    session_gateway,
    session_upstream,
    start_gateway,
    upstream,
)
from tests.support.gateway_process import GatewayThread
from tests.support.settings_files import MODEL, REPOSITORY

__all__ = [
    "client",
    "engine",
    "escalating",
    "escalating_client",
    "gateway",
    "session_engine",
    "session_escalating",
    "session_gateway",
    "session_upstream",
    "start_gateway",
    "upstream",
]

NODE_FOLDER = Path(__file__).parent / "node"
INSTALL_SECONDS = 240
RUN_SECONDS = 120
RunNode = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def node_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script beside the client, which is installed once for each lock file."""
    npm = shutil.which("npm")
    assert npm is not None, "the Node contract tests need node and npm"
    lock = (NODE_FOLDER / "package-lock.json").read_bytes()
    home = Path(os.environ.get("FIRSTLINE_HOME") or REPOSITORY / ".firstline")
    caches = home / "cache"
    caches.mkdir(parents=True, exist_ok=True)
    folder = caches / f"node-client-{hashlib.sha256(lock).hexdigest()[:12]}"
    with (caches / "node-client.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=caches) as work:
                made = Path(work) / "node"
                shutil.copytree(NODE_FOLDER, made)
                subprocess.run([npm, "ci"], cwd=made, check=True, timeout=INSTALL_SECONDS)
                made.rename(folder)
    place = tmp_path_factory.mktemp("node")
    shutil.copy(NODE_FOLDER / "client.mjs", place)
    (place / "node_modules").symlink_to(folder / "node_modules")
    return place


@pytest.fixture
def run_node(node_client: Path, gateway: GatewayThread) -> RunNode:
    """Run scenarios of `client.mjs` by name; gives what each printed."""

    def run(*scenarios: str, url: str = gateway.url) -> dict[str, Any]:
        given = {
            "baseURL": f"{url}/v1",
            "model": MODEL,
            "invoiceText": INVOICE_TEXT,
            "schema": YES_NO,
            "tool": WEATHER_TOOL,
        }
        done = subprocess.run(
            ["node", "client.mjs", *scenarios],
            cwd=node_client,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return run
