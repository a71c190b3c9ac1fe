"""What the benchmarks of adapters count, and the adapters that they make."""

from __future__ import annotations

from pathlib import Path

from benchmarks.adapters.asking import Answer
from benchmarks.adapters.copies import make_copies
from benchmarks.adapters.stage import Running
from benchmarks.adapters.swaps import Swap, figures, is_good, stable_during
from tests.support.peft_folder import write_peft_folder

SWAPS = [Swap("t@a", 0.0, 1.0), Swap("t@b", 10.0, 11.0), Swap("t@a", 20.0, 21.0)]
WORDS = {"t@a": "red", "t@b": "blue"}


def answer(version: str, text: str, began: float, ended: float, status: str = "200") -> Answer:
    return Answer("t", status, began, ended, version, text)


def test_a_request_may_be_answered_by_what_was_stable_at_any_time_of_it() -> None:
    assert stable_during(SWAPS, 2.0, 9.0) == {"t@a"}
    assert stable_during(SWAPS, 9.0, 12.0) == {"t@a", "t@b"}
    assert stable_during(SWAPS, 10.5, 10.6) == {"t@a", "t@b"}
    assert stable_during(SWAPS, 12.0, 19.0) == {"t@b"}


def test_right_answers_are_good() -> None:
    found = figures([answer("t@a", "red red", 2.0, 3.0), answer("t@b", " blue", 12.0, 13.0)], SWAPS, WORDS)
    assert found["answers_by_word"] == {"red": 1, "blue": 1}
    assert is_good({**found, "is_opened_once": True})
    assert not is_good({**found, "is_opened_once": False})


def test_each_sort_of_wrong_answer_is_counted() -> None:
    for wrong in (
        answer("t@a", "blue blue", 2.0, 3.0),
        answer("t@a", "red blue", 2.0, 3.0),
        answer("t@a", "red", 12.0, 13.0),
        answer("", "red", 2.0, 3.0),
        answer("", "", 2.0, 3.0, status="502 engine_error"),
    ):
        assert not is_good({**figures([wrong], SWAPS, WORDS), "is_opened_once": None}), wrong


def test_no_request_at_all_is_no_success() -> None:
    assert not is_good({**figures([], SWAPS, WORDS), "is_opened_once": None})


def test_copies_are_whole_adapters_that_differ(tmp_path: Path) -> None:
    source = write_peft_folder(tmp_path / "source")
    made = make_copies(source, tmp_path / "copies", 3)
    weights = [(folder / "adapter_model.safetensors").read_bytes() for folder in made.values()]
    assert len({*weights, (source / "adapter_model.safetensors").read_bytes()}) == 4
    assert weights == [
        (folder / "adapter_model.safetensors").read_bytes()
        for folder in make_copies(source, tmp_path / "again", 3).values()
    ]


def test_opens_are_counted_by_version(tmp_path: Path) -> None:
    log = tmp_path / "opens.log"
    assert Running("http://engine", log).opened() == {}
    log.write_text("t@a adapter_config.json\nt@a adapter_model.safetensors\nt@b adapter_model.safetensors\n")
    assert Running("http://engine", log).opened() == {"t@a": 1, "t@b": 1}
