"""Export formats, each written by a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher import exporters
from launcher.errors import LauncherError


@pytest.mark.parametrize(
    "write", [exporters.merged, exporters.gguf, exporters.gguf_q8, exporters.gguf_adapter]
)
def test_what_the_process_refuses_is_said_in_its_words(tmp_path: Path, write: exporters.Exporter) -> None:
    base, out = tmp_path / "base", tmp_path / "out"
    base.mkdir()
    with pytest.raises(LauncherError, match=r"no adapter here|is not installed here") as raised:
        write(base, base, out)
    assert "error:" not in str(raised.value)
    assert not out.exists()
