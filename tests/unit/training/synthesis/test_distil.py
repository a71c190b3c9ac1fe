"""Distillation: a teacher's answers under the contract, kept where enough samples agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.training.synthesis.runs import FakeTeacher, completion, rows_of, spec_file, write_rows
from training.errors import DatasetError

INPUTS = (
    {"id": "a", "text": "They took the money twice", "group": "g1"},
    {"id": "b", "text": "My box is lost somewhere", "output": "shipping", "source": "crm"},
)
LABEL = "distilled:big@2026-05;licence=Apache-2.0"


def _spec(folder: Path, task: str = "ticket-triage", **keys: Any) -> Path:
    if not (folder / "inputs.jsonl").exists():
        write_rows(folder / "inputs.jsonl", *INPUTS)
    return spec_file(folder, "distil", task, **{"inputs": "inputs.jsonl", **keys})


def _label(body: dict[str, Any]) -> str:
    return "billing" if "money" in body["messages"][-1]["content"] else "shipping"


def test_answers_become_rows_that_name_their_teacher(tmp_path: Path) -> None:
    teacher = FakeTeacher(_label)
    report = teacher.distil(_spec(tmp_path))
    assert rows_of(tmp_path / "out.jsonl") == [
        {"id": "a", "text": INPUTS[0]["text"], "output": "billing", "group": "g1", "source": LABEL},
        {"id": "b", "text": INPUTS[1]["text"], "output": "shipping", "source": f"crm {LABEL}"},
    ]
    assert (report.kind, report.rows, report.wanted) == ("distillation", 2, 2)
    assert teacher.bodies[0]["structured_outputs"]["choice"][0] == "billing"
    assert (teacher.bodies[0]["temperature"], teacher.bodies[0]["max_tokens"]) == (0.8, 1024)


def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    path = _spec(tmp_path, samples=3, agree=2)
    FakeTeacher(_label).distil(path)
    again = FakeTeacher(_label)
    assert again.distil(path).rows == 2
    assert again.bodies == []


def test_an_answer_needs_enough_samples_behind_it(tmp_path: Path) -> None:
    votes = {"money": iter(["billing", "account", "billing"]), "box": iter(["other", "shipping", "account"])}

    def answer(body: dict[str, Any]) -> str:
        word = "money" if "money" in body["messages"][-1]["content"] else "box"
        return next(votes[word])

    report = FakeTeacher(answer).distil(_spec(tmp_path, samples=3, agree=2))
    assert [(row["id"], row["output"]) for row in rows_of(tmp_path / "out.jsonl")] == [("a", "billing")]
    assert (report.agreement, report.rejected) == ({2: 1}, {"no_agreement": 1})
    assert rows_of(tmp_path / "out.rejected.jsonl")[0]["detail"] == "1 of 3 agree"


def test_samples_of_json_agree_whatever_the_order_of_their_keys(tmp_path: Path) -> None:
    write_rows(tmp_path / "inputs.jsonl", {"id": "a", "text": "Kelmont, invoice A-7: 12.50"})
    gold = {"invoice_id": "A-7", "date": None, "vendor": "Kelmont", "total_amount": 12.5}
    answers = iter([json.dumps(gold), json.dumps(dict(reversed(gold.items())), indent=1), "{}"])
    report = FakeTeacher(lambda _body: next(answers)).distil(
        _spec(tmp_path, "invoice-extract", samples=3, agree=2)
    )
    assert report.agreement == {2: 1}
    (row,) = rows_of(tmp_path / "out.jsonl")
    assert list(row["output"].items()) == list(gold.items())


def test_values_that_the_text_does_not_give_are_rejected(tmp_path: Path) -> None:
    write_rows(tmp_path / "inputs.jsonl", {"id": "a", "text": "Kelmont, invoice A-7: 12.50"})
    made_up = {"invoice_id": "A-7", "date": "2026-01-01", "vendor": "Kelmont", "total_amount": 12.5}
    report = FakeTeacher(lambda _body: json.dumps(made_up)).distil(_spec(tmp_path, "invoice-extract"))
    assert report.rejected == {"ungrounded": 1}
    assert rows_of(tmp_path / "out.rejected.jsonl")[0]["detail"] == "not in the text: /date"


def test_given_outputs_can_be_kept_or_must_match(tmp_path: Path) -> None:
    keeping = FakeTeacher(_label)
    keeping.distil(_spec(tmp_path, given="keep", out="kept.jsonl"))
    assert len(keeping.bodies) == 1
    assert rows_of(tmp_path / "kept.jsonl")[1]["source"] == "crm"
    report = FakeTeacher(lambda _body: "billing").distil(_spec(tmp_path, given="must_match", out="m.jsonl"))
    assert (report.rows, report.rejected) == (1, {"differs_from_given": 1})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (completion("sales"), "breaks_contract"),
        (completion("", finish="length"), "truncated"),
        (completion(None, refusal="no"), "refused"),
        (completion(" "), "empty"),
        (completion("x", finish="content_filter"), "refused"),
    ],
)
def test_an_unusable_answer_is_rejected_with_its_reason(tmp_path: Path, answer: Any, reason: str) -> None:
    report = FakeTeacher(lambda _body: answer).distil(_spec(tmp_path))
    assert (report.rows, report.rejected) == (0, {reason: 2})


def test_alike_inputs_are_all_kept_unless_that_is_asked(tmp_path: Path) -> None:
    texts = [f"My parcel number {number} from the blue shop has not come to me yet" for number in (11, 12)]
    write_rows(tmp_path / "inputs.jsonl", *({"id": text, "text": text} for text in texts))
    assert FakeTeacher(_label).distil(_spec(tmp_path)).rows == 2
    assert FakeTeacher(_label).distil(_spec(tmp_path, checks={"max_text_chars": 900})).rows == 2
    assert FakeTeacher(_label).distil(_spec(tmp_path, checks={"near_duplicate": 0.8})).rows == 1


def test_unanswered_inputs_are_counted_and_asked_again_later(tmp_path: Path) -> None:
    def mostly(body: dict[str, Any]) -> Any:
        return _label(body) if "money" in body["messages"][-1]["content"] else httpx.Response(500)

    keys = {"retries": {"attempts": 2}, "teacher": {"concurrency": 1}}
    report = FakeTeacher(mostly).distil(_spec(tmp_path, **keys))
    assert (report.rows, report.unanswered) == (1, 1)
    later = FakeTeacher(_label)
    assert later.distil(_spec(tmp_path, **keys)).rows == 2
    assert len(later.bodies) == 1


def test_samples_of_free_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="free texts hardly ever agree"):
        FakeTeacher(_label).distil(_spec(tmp_path, "rewrite-standard", samples=3, agree=2))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no rows"),
        ([{"id": "a", "text": ""}], r"inputs\.jsonl:1: text"),
        ([{"id": "a", "text": "x"}] * 2, "stands twice"),
    ],
)
def test_wrong_inputs_are_refused_with_their_place(
    tmp_path: Path, lines: list[dict[str, str]], message: str
) -> None:
    write_rows(tmp_path / "inputs.jsonl", *lines)
    with pytest.raises(DatasetError, match=message):
        FakeTeacher(_label).distil(_spec(tmp_path))


def test_shown_examples_stand_before_the_input(tmp_path: Path) -> None:
    write_rows(tmp_path / "shots.jsonl", {"id": "1", "text": "Cannot sign in at all", "output": "account"})
    teacher = FakeTeacher(_label)
    teacher.distil(_spec(tmp_path, examples="shots.jsonl", shots=1))
    contents = [turn["content"] for turn in teacher.bodies[0]["messages"]]
    assert contents[1:3] == ["Ticket: Cannot sign in at all\nQueue:", "account"]


def test_a_teacher_that_dies_half_way_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    texts = [f"Question {number}: {'a' * number} my box of item {number * 97}" for number in range(40)]
    write_rows(tmp_path / "inputs.jsonl", *({"id": text, "text": text} for text in texts))
    teacher = FakeTeacher(lambda _body: _alive_for(teacher, 5))
    keys = {"retries": {"attempts": 1}, "teacher": {"concurrency": 1}}
    report = teacher.distil(_spec(tmp_path, **keys))
    assert (report.rows, report.unanswered, report.stopped_by) == (5, 35, "the teacher stopped answering")
    assert len(teacher.bodies) == 15
    later = FakeTeacher(_label)
    assert later.distil(_spec(tmp_path, **keys)).rows == 40
    assert len(later.bodies) == 35


def _alive_for(teacher: FakeTeacher, requests: int) -> Any:
    return "shipping" if len(teacher.bodies) <= requests else httpx.Response(502)


def test_equal_texts_are_asked_once(tmp_path: Path) -> None:
    write_rows(tmp_path / "inputs.jsonl", *({"id": name, "text": INPUTS[0]["text"]} for name in "ab"))
    teacher = FakeTeacher(_label)
    report = teacher.distil(_spec(tmp_path))
    assert len(teacher.bodies) == 1
    assert (report.rows, report.rejected) == (1, {"near_duplicate": 1})
