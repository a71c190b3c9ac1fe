"""A gateway process before a scripted engine, for the time of one benchmark."""

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
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from benchmarks.structured.scripted_engine import MODEL

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


@dataclass(frozen=True)
class Served:
    """Where the gateway answers, and which process it is."""

    url: str
    pid: int

    def rss_megabytes(self) -> dict[str, float]:
        """Resident memory of the gateway's own process, and of its workers together."""
        process = psutil.Process(self.pid)
        workers = 0
        for member in process.children(recursive=True):
            try:
                workers += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # a worker that was just replaced
        own = process.memory_info().rss
        return {"gateway": round(own / 2**20, 1), "workers": round(workers / 2**20, 1)}


@contextmanager
def served(folder: Path, engine_seconds: float) -> Iterator[Served]:
    """Start both, wait until requests are served, and stop them at the end."""
    engine_port, gateway_port = _free_port(), _free_port()
    config = _config(folder, engine_port, gateway_port)
    engine_module = ("benchmarks.structured.scripted_engine", str(engine_port), str(engine_seconds))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTLINE_")}
    with (folder / "gateway.log").open("wb") as log:
        engine = subprocess.Popen([sys.executable, "-m", *engine_module], cwd=ROOT)
        gateway = subprocess.Popen(
            [sys.executable, "-m", "gateway", "--config", str(config)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{gateway_port}"
        _wait(f"{url}/readyz", gateway)
        yield Served(url, gateway.pid)
    finally:
        for child in (gateway, engine):
            child.terminate()
            child.wait(20)


def _config(folder: Path, engine_port: int, gateway_port: int) -> Path:
    pool = {"engines": [{"url": f"http://127.0.0.1:{engine_port}"}], "models": [MODEL]}
    settings = {
        "home": str(folder / "home"),
        "server": {"port": gateway_port},
        "pools": {"small": pool},
        "tasks": {"folder": str(ROOT / "examples/tasks"), "reload": False},
        "collections": {"handbook": {"folder": str(ROOT / "examples/docs")}},
        "router": {"default_model": MODEL},
    }
    path = folder / "firstline.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{url} did not come up")
