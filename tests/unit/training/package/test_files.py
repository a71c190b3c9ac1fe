"""What is written is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors import SafetensorError

from training.errors import PackageError
from training.package._files import staged, write_whole


def test_an_export_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "model"
    with staged(out) as partial:
        partial.mkdir()
        (partial / "weights").write_bytes(b"1")
        (partial / "weights").chmod(0o600)
        assert not out.exists()
    assert (out / "weights").read_bytes() == b"1"
    assert (out / "weights").stat().st_mode & 0o400
    assert [path.name for path in out.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("wrong")])
def test_an_export_that_is_interrupted_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    def write() -> None:
        with staged(tmp_path / "model.gguf") as partial:
            partial.write_bytes(b"half")
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), SafetensorError("No space left on device")]
)
def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path: Path, failure: Exception) -> None:
    def write() -> None:
        with staged(tmp_path / "model") as partial:
            partial.mkdir()
            (partial / "weights").write_bytes(b"half")
            raise failure

    with pytest.raises(PackageError, match="cannot be written: No space left"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(PackageError, match="is there already"), staged(tmp_path / "model"):
        pass
    assert (tmp_path / "model").read_text() == "mine"


def test_a_file_that_cannot_be_written_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    with pytest.raises(PackageError, match="cannot be written"):
        write_whole(tmp_path / "card", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["card"]
