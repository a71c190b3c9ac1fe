"""What `make run` starts: the real engine and the real gateway, under the real supervisor."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher import linux
from launcher.layout import layout_from
from tests.support.embedded_engine import free_port, http_code

FIRSTLINE = str(Path(sys.executable).parent / "firstline")
PATIENCE_SECONDS = 280.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


class Up:
    """`firstline up` with ports and a home of its own; the model is the checkout's."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / "models").symlink_to(layout_from(os.environ).model.parent)
        self.port, self.engine_port = free_port(), free_port()
        self.environ = os.environ | {
            "FIRSTLINE_HOME": str(self.home),
            "FIRSTLINE_PORT": str(self.port),
            "FIRSTLINE_ENGINE_PORT": str(self.engine_port),
        }
        self._output = folder / "output.txt"
        self._seen: set[int] = set()

    def start(self) -> None:
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [FIRSTLINE, "up"], env=self.environ, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def code(self, path: str) -> int | None:
        return http_code(f"http://127.0.0.1:{self.port}{path}")

    def below(self) -> set[int]:
        """Every process that was ever seen below, so that lost ones are still looked for."""
        self._seen |= linux.descendants(self.process.pid)
        return self._seen

    def left(self) -> set[int]:
        running = {row.pid for row in linux.process_table() if row.state != "Z"}
        return self._seen & running

    def wait_for_ready(self) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.output[-4000:]
            return self.code("/readyz") == 200

        wait_until(is_ready, f"not ready: {self.output[-4000:]}")

    def engine_pid(self) -> int:
        """The top process of vLLM: the one that listens for the keeper's signals."""
        wanted = f"--port\0{self.engine_port}\0".encode()
        for pid in self.below():
            path = Path(f"/proc/{pid}/cmdline")
            command = path.read_bytes() if path.exists() else b""
            if wanted in command and b"launcher.keeper" not in command:
                return pid
        raise AssertionError("no engine runs")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    system = Up(tmp_path_factory.mktemp("up"))
    system.start()
    try:
        system.wait_for_ready()
        wait_until(lambda: "is ready" in system.output, "no greeting")
        yield system
    finally:
        system.below()
        system.process.terminate()
        status = system.process.wait(120)
        left = system.left()
        linux.send(left, signal.SIGKILL)
    assert (status, left) == (0, set()), system.output[-2000:]


def assert_is_the_invoice(content: str) -> None:
    fields = json.loads(content)
    assert set(fields) == {"invoice_id", "date", "vendor", "total_amount"}
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", fields["date"])
    assert isinstance(fields["total_amount"], int | float)


def example(output: str, start: str, end: str) -> str:
    return output[output.index(start) : output.index(end, output.index(start)) + len(end)]


@pytest.mark.timeout(400)
def test_the_ready_line_is_printed_once_with_the_right_address(up: Up) -> None:
    ready = [line for line in up.output.splitlines() if "is ready" in line]
    assert ready == [f"Firstline is ready: http://127.0.0.1:{up.port}/v1"]


@pytest.mark.timeout(400)
def test_the_curl_example_answers_when_pasted(up: Up) -> None:
    command = example(up.output, "curl -s", "}'\n")
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert_is_the_invoice(json.loads(answer.stdout)["choices"][0]["message"]["content"])


@pytest.mark.timeout(400)
def test_the_python_example_answers_when_pasted(up: Up) -> None:
    code = example(up.output, "from openai import", "message.content)\n")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert_is_the_invoice(answer.stdout)


@pytest.mark.timeout(600)
def test_an_engine_that_is_killed_comes_back(up: Up) -> None:
    before = up.engine_pid()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: "The engine ended (signal SIGKILL)" in up.output, "the end was not said")
    wait_until(lambda: http_code(f"http://127.0.0.1:{up.engine_port}/health") == 200, "it did not come back")
    up.wait_for_ready()
    assert up.engine_pid() != before
    assert up.process.poll() is None


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("number", "processes"),
    [
        # The keepers and the first level of both children, which is soon reached.
        pytest.param(signal.SIGINT, 4, id="ctrl-c-early"),
        # One level of vLLM more: nobody is left to end it but its keeper.
        pytest.param(signal.SIGKILL, 6, id="killed"),
    ],
)
def test_nothing_is_left_behind(number: signal.Signals, processes: int, tmp_path: Path) -> None:
    system = Up(tmp_path)
    system.start()
    wait_until(lambda: len(system.below()) >= processes, f"no tree: {system.output[-2000:]}")
    system.process.send_signal(number)
    status = system.process.wait(120)
    assert status == (-signal.SIGKILL if number is signal.SIGKILL else 0), system.output[-2000:]
    wait_until(lambda: not system.left(), f"left behind: {system.left()}")


def refuse(system: Up, *arguments: str) -> str:
    result = subprocess.run(
        [FIRSTLINE, "up", *arguments], env=system.environ, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    system = Up(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", system.port))
        other.listen()
        assert f"Port {system.port} on 127.0.0.1 is taken" in refuse(system)


def test_a_missing_model_is_a_sentence(tmp_path: Path) -> None:
    system = Up(tmp_path)
    (system.home / "models").unlink()
    assert "Run `make setup`" in refuse(system)


def test_a_missing_settings_file_is_a_sentence(tmp_path: Path) -> None:
    assert "nowhere.yaml does not exist" in refuse(Up(tmp_path), "--config", "nowhere.yaml")
