"""Documents: read in order, cut at paragraphs, and a folder without any is said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.data.synthesis.documents import read_passages
from training.errors import DatasetError


def test_paragraphs_stay_whole_while_they_fit(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Title\n\n" + "a" * 150 + "\n\n" + "b" * 150 + "\n", "utf-8")
    (tmp_path / "a.txt").write_text("first\r\n\r\nsecond", "utf-8")
    passages = read_passages(tmp_path, 200)
    assert [(one.document, one.number) for one in passages] == [("a.txt", 1), ("b.md", 1), ("b.md", 2)]
    assert passages[0].text == "first\n\nsecond"
    assert passages[1].text == "# Title\n\n" + "a" * 150


def test_a_long_paragraph_is_cut_at_a_space_and_nothing_is_lost(tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(200))
    (tmp_path / "long.txt").write_text(words + "\n\n" + "x" * 500, "utf-8")
    passages = read_passages(tmp_path, 200)
    assert all(len(one.text) <= 200 for one in passages)
    assert "".join(one.text for one in passages).replace(" ", "").replace("\n", "") == (
        words.replace(" ", "") + "x" * 500
    )


def test_hidden_files_links_and_other_kinds_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".hidden.md").write_text("hidden", "utf-8")
    (tmp_path / "page.html").write_text("<p>", "utf-8")
    (tmp_path / "kept.md").write_text("kept", "utf-8")
    (tmp_path / "link.md").symlink_to(tmp_path / ".hidden.md")
    assert [one.document for one in read_passages(tmp_path, 200)] == ["kept.md"]


def test_no_document_a_wrong_folder_and_bad_bytes_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no document"):
        read_passages(tmp_path, 200)
    with pytest.raises(DatasetError, match="no folder"):
        read_passages(tmp_path / "missing", 200)
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DatasetError, match=r"bad\.txt: cannot be read"):
        read_passages(tmp_path, 200)
