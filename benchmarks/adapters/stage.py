"""A real engine and a gateway process before it, for the time of one benchmark of adapters."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from launcher.engine import detect_kind, engine_command, engine_environment
from launcher.layout import MODEL_NAME, layout_from

ROOT = Path(__file__).resolve().parents[2]
OPENS_FOLDER = Path(__file__).with_name("opens")
TASK = "say-marker"
START_SECONDS = 300.0
CALL_SECONDS = 300.0


@dataclass(frozen=True)
class EnginePlan:
    """Which engine to start; `options` are appended to the shipped command line."""

    python: str
    model: str
    options: str = ""


@dataclass(frozen=True)
class Running:
    """Where an engine answers, and where it notes the adapter files that it opens."""

    url: str
    log: Path | None

    def opened(self) -> Counter[str]:
        """How often the weights of each version were opened; nothing where the engine is not ours."""
        if self.log is None or not self.log.exists():
            return Counter()
        lines = self.log.read_text().splitlines()
        return Counter(line.split()[0] for line in lines if line.endswith(".safetensors"))


def default_plan() -> EnginePlan:
    """The engine and the model that set-up has installed."""
    layout = layout_from(os.environ)
    return EnginePlan(str(layout.engine_venv / "bin" / "python"), str(layout.model))


def make_markers(plan: EnginePlan, out: Path, count: int) -> dict[str, Path]:
    """Folders of adapters by the word that each answers with."""
    command = [plan.python, "-m", "benchmarks.adapters.markers", "--model", plan.model, "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [*command, "--count", str(count)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the marker adapters could not be made: {done.stderr[-2000:]}")
    return {word: out / word for word in json.loads(done.stdout.splitlines()[-1])}


@contextmanager
def engine(plan: EnginePlan, folder: Path) -> Iterator[Running]:
    """Start an engine as `firstline up` does, with its opens noted, and wait until it answers."""
    layout = replace(layout_from(os.environ), engine_port=free_port())
    environ = {**os.environ, "FIRSTLINE_ENGINE_ARGS": plan.options}
    command = engine_command(layout, detect_kind(), environ)
    command[0] = plan.python
    command[command.index("--model") + 1] = plan.model
    opens = folder / "opens.log"
    path = os.pathsep.join(filter(None, (str(OPENS_FOLDER), os.environ.get("PYTHONPATH"))))
    environment = {**engine_environment(layout, environ), "PYTHONPATH": path, "ADAPTER_OPENS": str(opens)}
    keeper = [sys.executable, "-m", "launcher.keeper", "--log", str(folder / "engine.log"), "--grace", "10"]
    with subprocess.Popen(
        [*keeper, "--", *command], cwd=ROOT, env=environment, stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            url = f"http://127.0.0.1:{layout.engine_port}"
            _wait(f"{url}/health", process, folder / "engine.log")
            yield Running(url, opens)
        finally:
            process.terminate()


@contextmanager
def gateway(folder: Path, engine_url: str, **pool: Any) -> Iterator[str]:
    """Start a gateway with one task of free text; `pool` is laid over its pool's settings."""
    port = free_port()
    tasks = folder / "tasks"
    tasks.mkdir()
    task = {"name": TASK, "description": "Says a word.", "base_model": MODEL_NAME}
    (tasks / f"{TASK}.yaml").write_text(yaml.safe_dump(task))
    settings = {
        "home": str(folder / "home"),
        "server": {"port": port},
        "pools": {"small": {"engines": [{"url": engine_url}], "models": [MODEL_NAME], **pool}},
        "tasks": {"folder": str(tasks), "reload": False},
        "router": {"default_model": MODEL_NAME},
        "schemas": {"prestart": False},
        "log": {"level": "warning"},
    }
    config = folder / "firstline.yaml"
    config.write_text(yaml.safe_dump(settings))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTLINE_")}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "gateway", "--config", str(config)]
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/readyz", process, folder / "gateway.log")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def register(gateway_url: str, folder: Path) -> str:
    """Register an adapter folder; the name of its version."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, file.name)
    url = f"{gateway_url}/admin/v1/adapters?task={TASK}&promote=false"
    reply = _post(url, packed.getvalue(), {"content-type": "application/x-tar"})
    return str(reply["name"])


def promote(gateway_url: str, name: str) -> None:
    """Point the task's stable channel at a version."""
    body = json.dumps({"override": "a benchmark of swaps"}).encode()
    _post(f"{gateway_url}/admin/v1/adapters/{name}/promote", body, {"content-type": "application/json"})


def free_port() -> int:
    """A port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> Any:
    request = urllib.request.Request(url, body, dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as reply:
            return json.loads(reply.read())
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{url}: {error.code} {error.read()[:500]!r}") from error


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} did not come up: {log.read_text(errors='replace')[-3000:]}")
