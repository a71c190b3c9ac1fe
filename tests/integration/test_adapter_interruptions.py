"""A store that is interrupted at any of its writes: killed, or out of disk; nothing is half there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


def attempts(folder: Path, how: str) -> list[dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.interrupted_store", str(folder), how],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(run.stdout.splitlines()[-1])
    return found


def test_a_kill_at_any_write_leaves_no_version_or_a_whole_one(tmp_path: Path) -> None:
    *killed, done = attempts(tmp_path, "kill")
    assert len(killed) > 8
    assert {each["ended"] for each in killed} == {-signal.SIGKILL}
    assert done["ended"] == 0
    assert all(each["again"] for each in killed)
    for each in killed:
        # A version is seen only under its own name, and what is left else is a staging folder.
        assert each["versions"] == [name for name in each["left"] if not name.startswith(".staging-")]
    assert killed[0]["versions"] == []
    assert len(done["versions"]) == 1


def test_a_disk_that_fills_at_any_new_file_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    *full, done = attempts(tmp_path, "full")
    assert len(full) > 4
    assert {each["ended"] for each in full} == {3}
    assert all(each["versions"] == [] and each["left"] == [] and each["again"] for each in full)
    assert (done["ended"], len(done["versions"])) == (0, 1)


def test_a_disk_that_fills_inside_a_file_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    *short, done = attempts(tmp_path, "short")
    assert len(short) > 4
    assert {each["ended"] for each in short} == {3}
    assert all(each["versions"] == [] and each["left"] == [] and each["again"] for each in short)
    assert (done["ended"], len(done["versions"])) == (0, 1)
