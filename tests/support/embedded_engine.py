"""The real embedded engine for tests, started as `firstline up` starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.adapters.stage import OPENS_FOLDER
from launcher.engine import detect_kind, engine_command, engine_environment
from launcher.layout import layout_from

START_SECONDS = 280.0


def free_port() -> int:
    """A port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http_code(url: str) -> int | None:
    """The status of a GET; none when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None


@contextmanager
def embedded_engine(
    log: Path, *, served_names: tuple[str, ...] = (), opens: Path | None = None
) -> Iterator[str]:
    """Give the URL of a running engine; `FIRSTLINE_TEST_ENGINE_URL` names one that runs already.

    `served_names` are those of the one model, where it is to have several. Each opening of an adapter's
    files is noted in `opens`.
    """
    given = os.environ.get("FIRSTLINE_TEST_ENGINE_URL")
    if given:
        yield given
        return
    layout = replace(layout_from(os.environ), engine_port=free_port())
    names = ("--served-model-name", *served_names) if served_names else ()
    command = [*engine_command(layout, detect_kind(), os.environ), *names]
    with subprocess.Popen(
        [sys.executable, "-m", "launcher.keeper", "--log", str(log), "--grace", "10", "--", *command],
        env=engine_environment(layout, os.environ) | _opens_noted(opens),
        stdin=subprocess.PIPE,
        start_new_session=True,
    ) as keeper:
        url = f"http://127.0.0.1:{layout.engine_port}"
        deadline = time.monotonic() + START_SECONDS
        try:
            while http_code(f"{url}/health") != 200:
                assert keeper.poll() is None, f"the engine ended: {log.read_text()[-3000:]}"
                assert time.monotonic() < deadline, f"the engine is slow: {log.read_text()[-3000:]}"
                time.sleep(0.2)
            yield url
        finally:
            keeper.terminate()


def _opens_noted(log: Path | None) -> dict[str, str]:
    if log is None:
        return {}
    path = filter(None, (str(OPENS_FOLDER), os.environ.get("PYTHONPATH")))
    return {"PYTHONPATH": os.pathsep.join(path), "ADAPTER_OPENS": str(log)}
