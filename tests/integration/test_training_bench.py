"""The comparison of candidates over HTTP: options and file, fair turns, and the reports it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from tests.support.teacher import Body, ScriptedTeacher, Turn, user_text
from training.commands.bench import app

TASK = Path(__file__).parents[2] / "examples" / "tasks" / "ticket-triage.yaml"
QUEUES = ("billing", "shipping", "technical", "account", "other")


def _answer(body: Body) -> Turn:
    """`good` reads the queue off the text, `bad` says the same to all; both are fast."""
    if body["model"] == "bad":
        return Turn("other")
    return Turn(next(queue for queue in QUEUES if queue in user_text(body).rsplit("about", 1)[1]))


@pytest.fixture
def server() -> Iterator[ScriptedTeacher]:
    with ScriptedTeacher(_answer) as scripted:
        yield scripted


def _rows(path: Path, count: int, word: str = "ticket") -> Path:
    rows = [
        {"id": f"{word}{n}", "text": f"{word} {n} about {QUEUES[n % 5]}", "output": QUEUES[n % 5]}
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def _spec(folder: Path, server: ScriptedTeacher, *models: str, **keys: Any) -> Path:
    _rows(folder / "rows.jsonl", 25)
    candidates = [{"url": server.url, "model": model, "through": "engine"} for model in models]
    content = {"task": str(TASK), "rows": "rows.jsonl", "candidates": candidates, **keys}
    path = folder / "bench.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def _last(result: Result) -> dict[str, Any]:
    return dict(json.loads(result.stdout.strip().splitlines()[-1]))


def test_a_specification_gives_reports_and_a_recommendation(tmp_path: Path, server: ScriptedTeacher) -> None:
    out, markdown = tmp_path / "r" / "report.json", tmp_path / "report.md"
    spec = _spec(tmp_path, server, "good", "bad")
    result = _run(str(spec), "--out", str(out), "--markdown", str(markdown))
    assert result.exit_code == 0, result.output
    assert _last(result) == {
        "check": "bench",
        "ok": True,
        "task": "ticket-triage",
        "rows": 25,
        "recommended": "good (0-shot)",
        "basis": "better",
        "tuning": "undecided",
        "right": {"good (0-shot)": 1.0, "bad (0-shot)": 0.2},
    }
    report = json.loads(out.read_text("utf-8"))
    assert report["schema_version"] == 1
    assert report["arms"][1]["outcomes"] == {"wrong_value": 20}
    assert report["arms"][0]["p95_seconds"] >= report["arms"][0]["p50_seconds"] > 0
    assert "measurably better" in markdown.read_text("utf-8")


def test_candidates_at_one_host_take_turns_at_the_stated_concurrency(
    tmp_path: Path, server: ScriptedTeacher
) -> None:
    server.script(Turn("billing"), *[Turn("billing", awaits=4)] * 3)
    result = _run(str(_spec(tmp_path, server, "good", "bad", concurrency=3)))
    assert result.exit_code == 0, result.output
    assert server.most_at_once == 3
    models = [body["model"] for body in server.requests]
    assert models == ["good"] * 26 + ["bad"] * 26


def test_options_say_the_same_as_a_file(
    tmp_path: Path, server: ScriptedTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_KEY", "k")
    rows, shots = _rows(tmp_path / "rows.jsonl", 20), _rows(tmp_path / "shots.jsonl", 5, "shown")
    result = _run(
        *("--task", str(TASK), "--data", str(rows), "--examples", str(shots), "--shots", "2"),
        *("--candidate", f"engine,{server.url},good,mine", "--api-key-env", "BENCH_KEY"),
    )
    assert result.exit_code == 0, result.output
    assert _last(result)["right"] == {"mine (2-shot)": 1.0}
    assert set(server.keys) == {"Bearer k"}
    assert len(server.requests[0]["messages"]) == 6


def test_failures_over_the_wire_are_counted_and_not_tried_again(
    tmp_path: Path, server: ScriptedTeacher
) -> None:
    server.script(Turn(status=429), Turn(status=500), Turn(cuts=True), Turn(raw=b"{"), Turn(hangs=True))
    out = tmp_path / "report.json"
    spec = _spec(tmp_path, server, "good", warm_up=0, timeout_seconds=1.5)
    result = _run(str(spec), "--out", str(out))
    assert result.exit_code == 0, result.output
    assert len(server.requests) == 25
    (arm,) = json.loads(out.read_text("utf-8"))["arms"]
    assert arm["outcomes"] == {
        "rate_limited": 1,
        "server_error": 1,
        "connection": 1,
        "garbled_reply": 1,
        "timeout": 1,
    }
    assert (arm["right"]["correct"], arm["answered"]) == (20, 20)


def test_nobody_answering_is_a_failure(tmp_path: Path, server: ScriptedTeacher) -> None:
    server.rule = lambda _body: Turn(status=503)
    result = _run(str(_spec(tmp_path, server, "good")))
    assert result.exit_code == 1
    assert _last(result)["ok"] is False
    assert "No request was answered" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a specification, or --task, --data"),
        (["SPEC", "--limit", "5"], "only --out and --markdown go with it"),
        (["missing.yaml"], "missing.yaml: cannot be read"),
        (["--candidate", "engine,http://x/v1"], "not THROUGH,URL,MODEL"),
    ],
)
def test_wrong_arguments_are_one_sentence(
    tmp_path: Path, server: ScriptedTeacher, arguments: list[str], message: str
) -> None:
    spec = _spec(tmp_path, server, "good")
    result = _run(*(str(spec) if one == "SPEC" else one for one in arguments))
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())
    assert server.requests == []
