"""Synthesis: rounds until there are enough rows, nothing asked twice, every reject with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.output import GrammarOutput
from tests.unit.training.synthesis.runs import TASKS, FakeTeacher, completion, rows_of, spec_file, write_rows
from training.config import load_task
from training.data.examples import read_dataset
from training.data.synthesis.failures import TeacherError
from training.data.synthesis.spec import SynthesisSpec, load_spec
from training.data.synthesis.synthesise import Synthesis
from training.errors import DatasetError

TASK = load_task(TASKS / "ticket-triage.yaml")
WORDS = ("violet amber cobalt", "seven eleven forty", "granite marble quartz", "otter badger heron")


def _spec(folder: Path, **keys: Any) -> Path:
    (folder / "docs").mkdir(exist_ok=True)
    for number in range(3):
        (folder / "docs" / f"{number}.md").write_text(f"Chapter {number}: parcels and bills.", "utf-8")
    return spec_file(folder, "synthesis", "ticket-triage", **{"documents": "docs", "count": 4, **keys})


class Writer:
    """Writes another text every time, `per_request` at once."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, body: dict[str, Any]) -> str:
        schema = body["response_format"]["json_schema"]["schema"]
        examples = []
        for _ in range(schema["properties"]["examples"]["maxItems"]):
            words = WORDS[self.number % len(WORDS)]
            text = f"{words} {hash_text(self.number)} is broken, please help me {words[::-1]}"
            examples.append({"text": text, "output": "technical"})
            self.number += 1
        return json.dumps({"examples": examples})


def hash_text(number: int) -> str:
    return " ".join(str((number + 1) * factor * 7919) for factor in range(1, 12))


def test_rows_are_written_with_maker_group_and_slice(tmp_path: Path) -> None:
    teacher = FakeTeacher(Writer())
    report = teacher.synthesise(_spec(tmp_path, styles=["terse"]))
    rows = rows_of(tmp_path / "out.jsonl")
    assert (report.rows, report.stopped_by, len(rows)) == (4, "", 4)
    assert {row["source"] for row in rows} == {"synthesised:big@2026-05;licence=Apache-2.0"}
    assert {row["slice"] for row in rows} == {"terse"}
    assert all(row["group"].endswith(".md#1") for row in rows)
    assert len(read_dataset(tmp_path / "out.jsonl", TASK.output).examples) == 4


def test_the_report_states_the_teacher_and_what_was_spent(tmp_path: Path) -> None:
    prices = {"prompt_usd_per_million": 1000, "completion_usd_per_million": 2000}
    FakeTeacher(Writer()).synthesise(_spec(tmp_path, teacher={"prices": prices}))
    report = json.loads((tmp_path / "out.report.json").read_text("utf-8"))
    assert report["schema_version"] == 1
    assert report["teacher"] == {"model": "big", "version": "2026-05", "licence": "Apache-2.0"}
    assert (report["task"], report["task_version"]) == ("ticket-triage", TASK.version)
    assert (report["spent_requests"], report["spent_prompt_tokens"]) == (2, 100)
    assert report["spent_cost_usd"] == pytest.approx(2 * (0.05 + 0.02))


def test_a_second_run_asks_nothing_and_writes_the_same_bytes(tmp_path: Path) -> None:
    path = _spec(tmp_path)
    first = FakeTeacher(Writer())
    first.synthesise(path)
    before = (tmp_path / "out.jsonl").read_bytes()
    second = FakeTeacher(Writer())
    report = second.synthesise(path)
    assert first.bodies
    assert second.bodies == []
    assert (report.asked, report.spent_requests) == (0, len(first.bodies))
    assert (tmp_path / "out.jsonl").read_bytes() == before


def test_more_rows_later_ask_for_the_missing_ones_only(tmp_path: Path) -> None:
    writer = Writer()
    FakeTeacher(writer).synthesise(_spec(tmp_path, count=3))
    later = FakeTeacher(writer)
    report = later.synthesise(_spec(tmp_path, count=6))
    assert (report.rows, len(later.bodies)) == (6, 1)


def test_every_reject_is_kept_with_its_reason(tmp_path: Path) -> None:
    replies = iter(
        [
            completion("no json"),
            completion(None, refusal="I will not"),
            completion(json.dumps({"examples": [{"text": "a new thing broke", "output": "sales"}]})),
            completion('{"examples": [', finish="length"),
        ]
    )
    writer = Writer()
    teacher = FakeTeacher(lambda body: next(replies, None) or writer(body))
    report = teacher.synthesise(_spec(tmp_path, per_request=1, teacher={"concurrency": 1}))
    rejected = {row["reason"]: row for row in rows_of(tmp_path / "out.rejected.jsonl")}
    assert rejected.keys() == {"unreadable_reply", "refused", "breaks_contract", "truncated"}
    assert rejected["breaks_contract"]["output"] == "sales"
    assert rejected["breaks_contract"]["detail"] == "'sales' is none of the choices"
    assert report.rejected == dict.fromkeys(rejected, 1)
    assert report.rows == 4


def test_a_teacher_that_repeats_itself_ends_the_run(tmp_path: Path) -> None:
    same = json.dumps({"examples": [{"text": "the same old parcel again", "output": "shipping"}]})
    report = FakeTeacher(lambda _body: same).synthesise(_spec(tmp_path, per_request=1))
    assert (report.rows, report.stopped_by) == (1, "no new example")
    assert report.rejected["near_duplicate"] > 0


def test_the_cap_on_requests_ends_the_run_with_what_there_is(tmp_path: Path) -> None:
    path = _spec(tmp_path, count=40, per_request=1, budget={"max_requests": 5})
    teacher = FakeTeacher(Writer())
    report = teacher.synthesise(path)
    assert (len(teacher.bodies), report.rows, report.stopped_by) == (5, 5, "max_requests 5")
    again = FakeTeacher(Writer())
    assert again.synthesise(path).rows == 5
    assert again.bodies == []


def test_the_cap_on_cost_holds_for_all_runs_together(tmp_path: Path) -> None:
    keys: dict[str, Any] = {
        "count": 40,
        "per_request": 1,
        "budget": {"max_cost_usd": 0.5},
        "teacher": {
            "prices": {"prompt_usd_per_million": 10, "completion_usd_per_million": 4000},
            "max_tokens": 50,
        },
    }
    teacher = FakeTeacher(Writer())
    report = teacher.synthesise(_spec(tmp_path, **keys))
    assert report.stopped_by == "max_cost_usd 0.5"
    assert report.spent_cost_usd is not None
    assert 0.2 < report.spent_cost_usd <= 0.5


def test_waits_grow_and_respect_the_server(tmp_path: Path) -> None:
    refusals = iter(
        [httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(503), httpx.Response(500)]
    )
    writer = Writer()
    teacher = FakeTeacher(lambda body: next(refusals, None) or writer(body))
    keys = {"teacher": {"concurrency": 1}, "retries": {"base_seconds": 2, "max_seconds": 30}}
    report = teacher.synthesise(_spec(tmp_path, **keys))
    assert report.rows == 4
    assert teacher.waits[0] == 7
    assert 2 <= teacher.waits[1] <= 4
    assert 4 <= teacher.waits[2] <= 8
    assert report.spent_requests == report.asked == 5


def test_a_refused_key_stops_at_once(tmp_path: Path) -> None:
    error = {"error": {"message": "no such key"}}
    teacher = FakeTeacher(lambda _body: httpx.Response(401, json=error))
    with pytest.raises(TeacherError, match="401 no such key"):
        teacher.synthesise(_spec(tmp_path, teacher={"concurrency": 1}))
    assert len(teacher.bodies) == 1


def test_a_server_that_never_answers_stops_the_run_soon(tmp_path: Path) -> None:
    teacher = FakeTeacher(lambda _body: httpx.Response(500))
    keys = {"count": 100, "retries": {"attempts": 2}, "teacher": {"concurrency": 1}}
    with pytest.raises(TeacherError, match="no answer to 3 requests"):
        teacher.synthesise(_spec(tmp_path, **keys))
    assert len(teacher.bodies) == 6


def test_a_final_refusal_is_not_tried_again(tmp_path: Path) -> None:
    teacher = FakeTeacher(lambda _body: httpx.Response(502, headers={"x-should-retry": "false"}))
    with pytest.raises(TeacherError):
        teacher.synthesise(_spec(tmp_path, teacher={"concurrency": 1}))
    assert teacher.waits == []


def test_examples_are_shown_and_not_copied(tmp_path: Path) -> None:
    shot = {"id": "1", "text": "Where on earth is my yellow parcel", "output": "shipping"}
    write_rows(tmp_path / "shots.jsonl", shot)
    copy = json.dumps({"examples": [{"text": shot["text"], "output": "shipping"}]})
    teacher = FakeTeacher(lambda _body: copy)
    report = teacher.synthesise(_spec(tmp_path, examples="shots.jsonl", per_request=1))
    assert shot["text"] in teacher.bodies[0]["messages"][1]["content"]
    assert (report.rows, set(report.rejected)) == (0, {"copy_of_a_shot"})


def test_a_grammar_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    spec = load_spec(SynthesisSpec, _spec(tmp_path))
    task = TASK.model_copy(update={"output": GrammarOutput(kind="grammar", grammar='start: "a"')})
    with pytest.raises(DatasetError, match="a grammar cannot be written into a schema"):
        Synthesis(spec, task)
