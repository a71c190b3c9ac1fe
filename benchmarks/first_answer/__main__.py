"""Time from a clean clone to the first answers, and of a second start: `python -m benchmarks.first_answer`.

Clones this checkout into an empty folder, runs `make run` there, asks the invoice example through the
official client with `model="auto"` and `model="invoice-extract"`, stops it, and starts it once more. Ends
with one line of JSON. The package index's cache is whatever this machine has: say so with the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from openai import OpenAI

ROOT = Path(__file__).resolve().parents[2]
READY = "Firstline is ready"
INVOICE = (
    "Thank you for your business. Invoice A-1029 issued on Jan 14, 2026. Payment terms: Net 30. "
    "Total amount due USD 1,248.50. Vendor: Acme Supplies."
)
KEYS = {"invoice_id", "date", "vendor", "total_amount"}
FIRST_TARGET_SECONDS = 360.0
SECOND_TARGET_SECONDS = 90.0
PATIENCE_SECONDS = 1800.0


def main() -> int:
    """Measure; exits 0 only when the targets hold and the answers are right in form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "firstline"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        first, second = _start(clone), _start(clone)
        sizes = {name: _megabytes(clone / name) for name in (".venv", ".venv-engine", ".firstline")}
    figures = {
        "check": "first-answer",
        "ok": first["ready_seconds"] <= FIRST_TARGET_SECONDS
        and second["ready_seconds"] <= SECOND_TARGET_SECONDS,
        "first": first,
        "second": second,
        "megabytes": sizes,
    }
    line = json.dumps(figures)
    if options.out:
        options.out.write_text(line + "\n")
    print(line)
    return 0 if figures["ok"] else 1


def _start(clone: Path) -> dict[str, Any]:
    port = _free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTLINE_")}
    # Python would compile every module again at each start.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ |= {"FIRSTLINE_PORT": str(port), "FIRSTLINE_ENGINE_PORT": str(_free_port())}
    log = clone / "make-run.log"
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "run"], cwd=clone, env=environ, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    try:
        _wait_ready(process, log)
        ready_seconds = time.perf_counter() - started
        answers = {model: _ask(port, model) for model in ("auto", "invoice-extract")}
        return {
            "ready_seconds": round(ready_seconds, 1),
            "first_answer_seconds": round(ready_seconds + answers["auto"]["seconds"], 1),
            "answers": answers,
            "pss_megabytes": _memory(process.pid),
        }
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while READY not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"make run did not become ready:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.1)


def _ask(port: int, model: str) -> dict[str, Any]:
    client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", timeout=300)
    started = time.perf_counter()
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": INVOICE}])
    seconds = time.perf_counter() - started
    content = reply.choices[0].message.content or ""
    if set(json.loads(content)) != KEYS:
        raise RuntimeError(f"{model}: the answer has other keys: {content}")
    return {"seconds": round(seconds, 2), "content": content}


def _memory(root: int) -> dict[str, float]:
    """Proportional set size by part: pages that processes share are counted once."""
    parts = {"gateway": 0.0, "engine": 0.0, "supervision": 0.0}
    for process in [psutil.Process(root), *psutil.Process(root).children(recursive=True)]:
        line = " ".join(process.cmdline())
        in_engine = ".venv-engine" in line or "VLLM" in line
        part = "engine" if in_engine else "gateway" if "-m gateway" in line else "supervision"
        parts[part] += process.memory_full_info().pss / 2**20
    return {name: round(value, 1) for name, value in parts.items()}


def _megabytes(folder: Path) -> float:
    found = subprocess.run(["du", "-sm", str(folder)], check=True, capture_output=True, text=True)
    return float(found.stdout.split()[0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
