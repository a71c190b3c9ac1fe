"""Set-up against a pip that is a script: what is asked of it, and what a person reads when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from launcher.errors import LauncherError
from launcher.locking import file_lock
from launcher.pip import Pip

LOCK_TEXT = "torch==2.13.0+cpu\n"


class Venv:
    """A folder whose `bin/python` notes its arguments and does what a shell snippet says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls_path = folder / "calls"
        self.said: list[str] = []
        (folder / "bin").mkdir(parents=True)
        self.lock = folder / "torch-cpu.lock"
        self.lock.write_text(LOCK_TEXT)

    def behave(self, snippet: str) -> None:
        program = self.folder / "bin" / "python"
        program.write_text(f'#!/bin/sh\necho "$@" >> {self.calls_path}\n{snippet}\n')
        program.chmod(0o755)

    def pip(self, descriptor: int, environ: dict[str, str] | None = None) -> Pip:
        everything = {**os.environ, **(environ or {})}
        log = self.folder / "log"
        return Pip(self.folder, everything, "engine", log=log, say=self.said.append, lock=descriptor)

    @property
    def calls(self) -> list[str]:
        return self.calls_path.read_text().splitlines()


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    return Venv(tmp_path / "venv")


def install(venv: Venv, fallback: str | None = None, environ: dict[str, str] | None = None) -> None:
    with file_lock(venv.folder / "lock", "engine", venv.said.append) as descriptor:
        venv.pip(descriptor, environ).install_lock(venv.lock, fallback, is_compiled=True)


def test_the_configured_index_is_asked_first_and_alone_when_it_has_the_package(venv: Venv) -> None:
    venv.behave("exit 0")
    install(venv, "https://index.example/cpu")
    assert len(venv.calls) == 1
    assert "--index-url" not in venv.calls[0]


def test_the_further_index_is_asked_for_that_lock_alone(venv: Venv) -> None:
    venv.behave(
        'case "$*" in *--index-url*) exit 0;; esac; echo "ERROR: No matching distribution found"; exit 1'
    )
    install(venv, "https://index.example/cpu")
    assert [("--index-url https://index.example/cpu" in call) for call in venv.calls] == [False, True]
    assert all(str(venv.lock) in call for call in venv.calls)


@pytest.mark.parametrize(
    "printed",
    [
        "OSError: [Errno 28] No space left on device",
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES",
        "ERROR: something new",
        # pip takes an index that it cannot reach for one that has nothing.
        "WARNING: connection broken by NewConnectionError\nERROR: No matching distribution found",
    ],
)
def test_the_further_index_is_not_asked_after_another_failure(printed: str, venv: Venv) -> None:
    venv.behave(f'echo "{printed}"; exit 1')
    with pytest.raises(LauncherError):
        install(venv, "https://index.example/cpu")
    assert len(venv.calls) == 1


def test_nothing_is_built_from_source_and_nothing_is_resolved(venv: Venv) -> None:
    venv.behave("exit 0")
    install(venv)
    assert "--no-deps" in venv.calls[0]
    assert "--only-binary=:all:" in venv.calls[0]


def test_a_wheel_folder_is_offered_to_pip(venv: Venv, tmp_path: Path) -> None:
    venv.behave("exit 0")
    install(venv, environ={"FIRSTLINE_WHEELS": str(tmp_path / "wheels")})
    assert f"--find-links {tmp_path / 'wheels'}" in venv.calls[0]


@pytest.mark.parametrize(
    ("printed", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution found for torch==2.13.0+cpu", "A package is missing"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "was not installed"),
        ("ERROR: something new", "It said: ERROR: something new"),
    ],
)
def test_a_failure_is_a_sentence_and_names_the_log(printed: str, sentence: str, venv: Venv) -> None:
    venv.behave(f'echo "{printed}"; exit 1')
    with pytest.raises(LauncherError) as caught:
        install(venv)
    assert sentence in str(caught.value)
    assert str(venv.folder / "log") in str(caught.value)
    assert printed in (venv.folder / "log").read_text()


def test_a_second_set_up_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []
    waiting = threading.Event()

    def note(sentence: str) -> None:
        said.append(sentence)
        waiting.set()

    def second() -> None:
        with file_lock(tmp_path / "lock", "engine", note):
            order.append("second")

    with file_lock(tmp_path / "lock", "engine", said.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting" in said[0]


HOLD = """
import subprocess, sys
from pathlib import Path
from launcher.locking import file_lock
with file_lock(Path(sys.argv[1]), "engine", print) as descriptor:
    pip = subprocess.Popen(["sleep", "600"], pass_fds=[descriptor])
    print(pip.pid, flush=True)
    pip.wait()
"""


def test_a_killed_set_up_s_pip_still_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        pip = int(holder.stdout.readline())
        holder.kill()
        holder.wait()
    said: list[str] = []

    def release(sentence: str) -> None:
        said.append(sentence)
        os.kill(pip, 9)

    with file_lock(path, "engine", release):
        assert len(said) == 1
