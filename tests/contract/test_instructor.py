"""Instructor, unmodified, in an environment of its own: it wants other versions than the gateway."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_process import GatewayThread
from tests.support.settings_files import MODEL, REPOSITORY
from tests.support.stub_engine import Reply, StubEngine

LOCK = REPOSITORY / "requirements" / "instructor.lock"
SCRIPT = Path(__file__).parent / "instructor" / "client.py"
INSTALL_SECONDS = 300
RUN_SECONDS = 120
CALL = '{"name":"Answer","arguments":{"answer":"yes"}}'


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python of an environment with the client, made once for each lock file."""
    home = Path(os.environ.get("FIRSTLINE_HOME") or REPOSITORY / ".firstline")
    caches = home / "cache"
    caches.mkdir(parents=True, exist_ok=True)
    folder = caches / f"instructor-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    with (caches / "instructor.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes")
            subprocess.run([*pip, "-r", str(LOCK)], check=True, timeout=INSTALL_SECONDS)
            done.touch()
    return folder / "bin" / "python"


def run(python: Path, gateway: GatewayThread, *modes: str) -> dict[str, Any]:
    given = {"baseURL": f"{gateway.url}/v1", "model": MODEL, "modes": modes}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(python), str(SCRIPT)],
            cwd=folder,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_its_modes_parse(python: Path, gateway: GatewayThread, engine: StubEngine) -> None:
    yes = Reply(text='{"answer":"yes"}')
    engine.script(yes, yes, Reply(text=CALL), Reply(text=CALL))
    modes = ("JSON_SCHEMA", "JSON", "TOOLS", "TOOLS_STRICT")
    assert run(python, gateway, *modes) == {mode: {"answer": "yes"} for mode in modes}


def test_an_invalid_answer_is_its_error_with_our_code(
    python: Path, gateway: GatewayThread, engine: StubEngine
) -> None:
    engine.always(Reply(text='{"answer":"maybe"}'))
    seen = run(python, gateway, "JSON_SCHEMA", "TOOLS")
    failed = {"error": "InstructorRetryException", "code": "reask_failed"}
    assert seen == {"JSON_SCHEMA": failed, "TOOLS": failed}
