"""A teacher over HTTP that limits, fails, garbles, breaks off and hangs: rows come all the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from tests.support.teacher import Body, ScriptedTeacher, Turn, user_text, written
from training.commands.data import app

ROOT = Path(__file__).parents[2]
TRIAGE = ROOT / "examples" / "tasks" / "ticket-triage.yaml"
INVOICE = ROOT / "examples" / "tasks" / "invoice-extract.yaml"
# A shell that starts the tests in the background has SIGINT ignored, and its children inherit that.
INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("training.commands.data", run_name="__main__", alter_sys=True)
"""
NAMES = (
    "Kelmont",
    "Ardora",
    "Fenwick",
    "Solvia",
    "Norberg",
    "Ulgate",
    "Trimark",
    "Zenport",
    "Pratal",
    "Xenon",
)


def _label(body: Body) -> Turn:
    return Turn("billing" if "charged" in user_text(body) else "shipping")


@pytest.fixture
def teacher() -> Iterator[ScriptedTeacher]:
    with ScriptedTeacher(_label) as scripted:
        yield scripted


def _spec(folder: Path, scripted: ScriptedTeacher, task: Path, **keys: Any) -> Path:
    settings = {
        "url": scripted.url,
        "model": "big",
        "version": "1",
        "licence": "MIT",
        "concurrency": 1,
        "timeout_seconds": 20,
        **keys.pop("teacher", {}),
    }
    retries = {"attempts": 6, "base_seconds": 0.01, "max_seconds": 0.05}
    content = {"task": str(task), "out": "out.jsonl", "retries": retries, "teacher": settings, **keys}
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


def _inputs(folder: Path, count: int) -> None:
    rows = [
        {"id": f"i{number}", "text": f"{NAMES[number]} {'charged me twice' if number % 2 else 'lost my box'}"}
        for number in range(count)
    ]
    (folder / "inputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _run(command: str, spec: Path) -> Result:
    return CliRunner().invoke(app, [command, str(spec)])


def _rows(folder: Path, name: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def _failures(folder: Path) -> list[str]:
    return [row["failure"] for row in _rows(folder, "out.journal.jsonl") if row["kind"] == "failure"]


def test_all_that_passes_is_tried_again(tmp_path: Path, teacher: ScriptedTeacher) -> None:
    _inputs(tmp_path, 4)
    teacher.script(
        Turn(status=429, headers={"retry-after": "0"}),
        Turn(status=503),
        Turn(raw=b'{"choices": ['),
        Turn(cuts=True),
        Turn(raw=b"[]"),
    )
    result = _run("distil", _spec(tmp_path, teacher, TRIAGE, inputs="inputs.jsonl"))
    assert result.exit_code == 0, result.output
    assert _failures(tmp_path) == [
        "rate_limited",
        "server_error",
        "garbled_reply",
        "connection",
        "garbled_reply",
    ]
    assert [row["output"] for row in _rows(tmp_path)] == ["shipping", "billing", "shipping", "billing"]


def test_a_teacher_that_hangs_is_left_and_asked_again(tmp_path: Path, teacher: ScriptedTeacher) -> None:
    _inputs(tmp_path, 1)
    teacher.script(Turn(hangs=True))
    spec = _spec(tmp_path, teacher, TRIAGE, inputs="inputs.jsonl", teacher={"timeout_seconds": 1.0})
    result = _run("distil", spec)
    assert result.exit_code == 0, result.output
    assert _failures(tmp_path) == ["timeout"]
    assert len(teacher.requests) == 2


def test_a_key_from_the_environment_is_sent_and_written_nowhere(
    tmp_path: Path, teacher: ScriptedTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHER_KEY", "sk-very-secret")
    _inputs(tmp_path, 1)
    spec = _spec(tmp_path, teacher, TRIAGE, inputs="inputs.jsonl", teacher={"api_key_env": "TEACHER_KEY"})
    result = _run("distil", spec)
    assert result.exit_code == 0, result.output
    assert teacher.keys == ["Bearer sk-very-secret"]
    for path in tmp_path.iterdir():
        assert "very-secret" not in path.read_text("utf-8")
    assert "very-secret" not in result.output


def test_no_more_requests_than_stated_are_under_way_at_once(tmp_path: Path, teacher: ScriptedTeacher) -> None:
    _inputs(tmp_path, 10)
    spec = _spec(
        tmp_path, teacher, TRIAGE, inputs="inputs.jsonl", samples=3, agree=2, teacher={"concurrency": 4}
    )
    teacher.script(*[Turn("billing", awaits=4)] * 4)
    assert _run("distil", spec).exit_code == 0
    assert len(teacher.requests) == 30
    assert teacher.most_at_once == 4


def test_a_broken_run_goes_on_where_it_stopped(tmp_path: Path, teacher: ScriptedTeacher) -> None:
    _inputs(tmp_path, 6)
    spec = _spec(tmp_path, teacher, TRIAGE, inputs="inputs.jsonl")
    teacher.rule = lambda body: Turn(status=403) if NAMES[3] in user_text(body) else _label(body)
    broken = _run("distil", spec)
    assert broken.exit_code == 1
    assert "403" in broken.output
    teacher.rule = _label
    teacher.requests.clear()
    assert _run("distil", spec).exit_code == 0
    assert [NAMES[3] in user_text(body) for body in teacher.requests] == [True, False, False]
    assert len(_rows(tmp_path)) == 6


def test_a_run_that_is_interrupted_keeps_its_answers(tmp_path: Path, teacher: ScriptedTeacher) -> None:
    _inputs(tmp_path, 3)
    teacher.rule = lambda body: Turn(hangs=True) if NAMES[2] in user_text(body) else _label(body)
    spec = _spec(tmp_path, teacher, TRIAGE, inputs="inputs.jsonl")
    command = [sys.executable, "-c", INTERRUPTIBLE, "distil", str(spec)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    teacher.wait_for(3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "every answer is in the journal" in said
    assert [row["kind"] for row in _rows(tmp_path, "out.journal.jsonl")] == ["answer", "answer", "failure"]
    teacher.rule = _label
    assert _run("distil", spec).exit_code == 0
    assert len(teacher.requests) == 4


def _invoices(body: Body) -> Turn:
    """Two examples: one true to its text, and one with a total that nobody wrote."""
    number = int(body["seed"]) % 10
    vendor = f"{NAMES[number]} {NAMES[(number * 7 + 3) % 10]}"
    gold = {
        "invoice_id": f"{vendor[:2].upper()}-{number}77{number}",
        "date": f"2026-03-1{number}",
        "vendor": vendor,
        "total_amount": 1000.5 + number,
    }
    text = (
        f"{vendor} bills you under {gold['invoice_id']}, dated 1{number} March 2026. "
        f"Pay 1.00{number},50 EUR to {vendor[::-1]} soon."
    )
    return written((text, gold), (f"Another page by {vendor[::-1]}, {text}", {**gold, "total_amount": 9.99}))


def test_examples_are_written_from_documents_and_only_true_ones_kept(
    tmp_path: Path, teacher: ScriptedTeacher
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.md").write_text("# Invoices\n\nVendors bill by the month.", "utf-8")
    teacher.rule = _invoices
    spec = _spec(tmp_path, teacher, INVOICE, documents="docs", count=4, per_request=2)
    result = _run("synthesise", spec)
    assert result.exit_code == 0, result.output
    rows = _rows(tmp_path)
    assert len(rows) == 4
    assert all(row["output"]["total_amount"] > 1000 for row in rows)
    report = json.loads((tmp_path / "out.report.json").read_text("utf-8"))
    assert report["rejected"]["ungrounded"] >= 4
    schema = teacher.requests[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["examples"]["items"]["properties"]["output"]["required"][0] == "invoice_id"


def test_a_dry_run_shows_the_request_and_asks_nothing(tmp_path: Path, teacher: ScriptedTeacher) -> None:
    _inputs(tmp_path, 2)
    result = CliRunner().invoke(
        app, ["distil", str(_spec(tmp_path, teacher, TRIAGE, inputs="inputs.jsonl")), "--dry-run"]
    )
    assert json.loads(result.stdout)["model"] == "big"
    assert teacher.requests == []
    assert not (tmp_path / "out.journal.jsonl").exists()


def test_what_is_wrong_with_a_run_is_one_sentence(tmp_path: Path, teacher: ScriptedTeacher) -> None:
    spec = _spec(tmp_path, teacher, TRIAGE, inputs="missing.jsonl")
    result = _run("distil", spec)
    assert result.exit_code == 1
    assert "missing.jsonl: cannot be read" in " ".join(result.output.split())
    _inputs(tmp_path, 1)
    teacher.rule = lambda _body: Turn("sales")
    result = _run("distil", _spec(tmp_path, teacher, TRIAGE, inputs="inputs.jsonl"))
    assert result.exit_code == 1
    assert "no row passed" in result.output
