"""The gateway's own latency, start time and memory: `python -m benchmarks.gateway.overhead [--out FILE]`.

A mock engine answers at once; requests go alternately to it and through the gateway, one at a time, so
that the difference of the medians is what the gateway adds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import yaml

TARGET_OVERHEAD_MS = 3.0
TARGET_RSS_MB = 150.0
TARGET_START_SECONDS = 2.0
ROOT = Path(__file__).resolve().parents[2]
TEXT = (
    "Thank you for your business. Invoice A-1029 issued on Jan 14, 2026. Payment terms: Net 30. "
    "Total amount due USD 1,248.50. Vendor: Acme Supplies."
)
MODELS = {"task by name": "invoice-extract", "auto": "auto", "base model": "smollm2-135m"}


def main() -> int:
    """Run, print a table and one line of JSON, and leave with 0 only when the targets hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.requests)
    figures["ok"] = (
        max(figures["overhead_ms"].values()) <= TARGET_OVERHEAD_MS
        and figures["rss_mb"] <= TARGET_RSS_MB
        and figures["start_seconds"] <= TARGET_START_SECONDS
    )
    line = json.dumps({"check": "gateway-overhead", **figures})
    if options.out:
        options.out.write_text(line + "\n")
    print(line)
    return 0 if figures["ok"] else 1


def measure(folder: Path, requests: int) -> dict[str, Any]:
    """Start both processes and measure."""
    engine_port, gateway_port = _free_port(), _free_port()
    config = _config(folder, engine_port, gateway_port)
    engine = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway.mock_engine", str(engine_port)], cwd=ROOT
    )
    _wait(f"http://127.0.0.1:{engine_port}/health")
    started = time.perf_counter()
    gateway = subprocess.Popen(
        [sys.executable, "-m", "gateway", "--config", str(config)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if not k.startswith("FIRSTLINE_")},
    )
    try:
        _wait(f"http://127.0.0.1:{gateway_port}/healthz")
        start_seconds = time.perf_counter() - started
        _wait(f"http://127.0.0.1:{gateway_port}/readyz")
        overhead = asyncio.run(_compare(engine_port, gateway_port, requests))
        process = psutil.Process(gateway.pid)
        cpu = process.cpu_times()
        return {
            **overhead,
            "start_seconds": round(start_seconds, 2),
            "rss_mb": round(process.memory_info().rss / 2**20, 1),
            "cpu_seconds": round(cpu.user + cpu.system, 2),
            "requests": requests,
            "python": platform.python_version(),
            "cpu": _cpu(),
            "date": datetime.now(UTC).date().isoformat(),
        }
    finally:
        for child in (gateway, engine):
            child.terminate()
            child.wait(20)


async def _compare(engine_port: int, gateway_port: int, requests: int) -> dict[str, Any]:
    urls = {"direct": (f"http://127.0.0.1:{engine_port}", "smollm2-135m")}
    urls |= {name: (f"http://127.0.0.1:{gateway_port}", model) for name, model in MODELS.items()}
    times: dict[str, list[float]] = {name: [] for name in urls}
    async with aiohttp.ClientSession() as session:
        for count in range(requests + 50):
            for name, (url, model) in urls.items():
                seconds = await _ask(session, url, model)
                if count >= 50:  # the first are warm-up
                    times[name].append(seconds * 1000)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "p50_ms": {name: round(value, 3) for name, value in medians.items()},
        "p99_ms": {name: round(statistics.quantiles(v, n=100)[98], 3) for name, v in times.items()},
        "overhead_ms": {name: round(medians[name] - medians["direct"], 3) for name in MODELS},
    }


async def _ask(session: aiohttp.ClientSession, url: str, model: str) -> float:
    body = {"model": model, "messages": [{"role": "user", "content": TEXT}]}
    started = time.perf_counter()
    async with session.post(f"{url}/v1/chat/completions", json=body) as response:
        answer = await response.json()
    seconds = time.perf_counter() - started
    if json.loads(answer["choices"][0]["message"]["content"])["invoice_id"] != "A-1029":
        raise RuntimeError(f"{url} gave a wrong answer")
    return seconds


def _config(folder: Path, engine_port: int, gateway_port: int) -> Path:
    settings = {
        "home": str(folder / "home"),
        "server": {"port": gateway_port},
        "pools": {
            "smollm2": {"engines": [{"url": f"http://127.0.0.1:{engine_port}"}], "models": ["smollm2-135m"]}
        },
        "tasks": {"folder": str(ROOT / "examples/tasks")},
        "collections": {"handbook": {"folder": str(ROOT / "examples/docs")}},
        "log": {"level": "info"},
    }
    path = folder / "firstline.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:

    for _ in range(3000):
        try:
            urllib.request.urlopen(url, timeout=5)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"{url} did not come up")


def _cpu() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{len(names)} x {names[0].partition(':')[2].strip()}" if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
