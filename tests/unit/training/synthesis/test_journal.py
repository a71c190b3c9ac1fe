"""The journal: a cut last line is dropped, any other damage stops, one run at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.data.synthesis.failures import JournalError
from training.data.synthesis.journal import Entry, Journal

ANSWER = Entry(kind="answer", key="k1", job="j", teacher="big", text="x", prompt_tokens=3, cost_usd=0.5)
FAILURE = Entry(kind="failure", key="k2", job="j", teacher="big", failure="timeout", completion_tokens=4)


def _written(path: Path) -> Path:
    with Journal(path) as journal:
        journal.write(ANSWER)
        journal.write(FAILURE)
    return path


def test_answers_are_found_again_and_failures_are_counted_only(tmp_path: Path) -> None:
    with Journal(_written(tmp_path / "deep" / "journal.jsonl")) as journal:
        assert journal.answer("k1") == ANSWER
        assert journal.answer("k2") is None
        assert (journal.spent.requests, journal.spent.tokens, journal.spent.cost_usd) == (2, 7, 0.5)


def test_every_line_names_its_version(tmp_path: Path) -> None:
    lines = _written(tmp_path / "journal.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["schema_version"] for line in lines] == [1, 1]


def test_a_last_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    path = _written(tmp_path / "journal.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"schema_version": 1, "kind": "ans')
    with Journal(path) as journal:
        assert journal.spent.requests == 2
        journal.write(ANSWER)
    assert path.read_bytes().startswith(whole + b'{"schema_version"')
    with Journal(path) as journal:
        assert journal.spent.requests == 3


@pytest.mark.parametrize("line", ["{nonsense", '{"kind": "answer"}', '{"schema_version": 9}'])
def test_a_damaged_line_before_the_end_stops_and_changes_nothing(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(line + "\n", "utf-8")
    with pytest.raises(JournalError, match=r"journal\.jsonl:1: damaged"), Journal(path):
        pass
    assert path.read_text("utf-8") == line + "\n"


def test_two_runs_do_not_share_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path), pytest.raises(JournalError, match="another run"), Journal(path):
        pass


def test_a_journal_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(JournalError, match="cannot be opened"), Journal(tmp_path / "file" / "journal.jsonl"):
        pass
