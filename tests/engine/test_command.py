from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("command", ["package", "train"])
def test_a_training_command_reads_no_code_of_the_folder_that_it_is_called_in(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "launcher").mkdir()
    (tmp_path / "launcher" / "__init__.py").write_text("raise SystemExit('code of the folder ran')\n")
    firstline = Path(sys.prefix) / "bin" / "firstline"
    done = subprocess.run(
        [firstline, command, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"firstline {command}" in done.stdout
