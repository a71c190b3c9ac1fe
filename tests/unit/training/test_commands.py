"""The commands in the light environment: data is made, and what is missing is said in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.commands.data import app as data
from training.commands.eval import app as evaluate
from training.commands.train import app as train

ROOT = Path(__file__).parents[3]
RECIPE = str(ROOT / "examples" / "recipes" / "invoice-extract.yaml")
TASK = str(ROOT / "examples" / "tasks" / "invoice-extract.yaml")


def _make(out: Path, *more: str) -> None:
    arguments = ["invoices", "--count", "12", "--seed", "3", "--split", "heldout", "--out", str(out), *more]
    result = CliRunner().invoke(data, arguments)
    assert result.exit_code == 0, result.output


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    _make(tmp_path / "a" / "one.jsonl")
    _make(tmp_path / "two.jsonl")
    assert (tmp_path / "a" / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_long_texts_can_be_left_out(tmp_path: Path) -> None:
    _make(tmp_path / "short.jsonl", "--max-characters", "300")
    rows = [json.loads(line) for line in (tmp_path / "short.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 12
    assert max(len(row["text"]) for row in rows) <= 300


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = str(tmp_path / "file" / "rows.jsonl")
    result = CliRunner().invoke(
        data, ["invoices", "--count", "1", "--seed", "1", "--split", "train", "--out", out]
    )
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_a_base_model_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(train, [RECIPE, "--base", str(tmp_path)])
    assert result.exit_code == 1
    assert "no safetensors weights here" in " ".join(result.output.split())


@pytest.mark.usefixtures("no_torch")
def test_without_torch_training_says_where_it_runs(tmp_path: Path, tiny_base: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    _make(rows)
    result = CliRunner().invoke(train, [RECIPE, "--base", str(tiny_base), "--data", str(rows)])
    assert result.exit_code == 1
    assert "'torch' is not installed here" in " ".join(result.output.split())


def test_nobody_at_the_url_is_a_failure(tmp_path: Path) -> None:
    rows, out = tmp_path / "rows.jsonl", tmp_path / "report.json"
    _make(rows)
    arguments = ["--task", TASK, "--data", str(rows), "--model", "m", "--url", "nowhere://engine/v1"]
    result = CliRunner().invoke(evaluate, [*arguments, "--limit", "2", "--out", str(out)])
    assert result.exit_code == 1
    assert "answered no request" in " ".join(result.output.split())
    assert json.loads(out.read_text("utf-8"))["models"][0]["fields_exact"]["rate"] == 0.0


def test_a_key_pair_is_made_once_and_signs_a_specification(tmp_path: Path) -> None:
    made = CliRunner().invoke(evaluate, ["key", "new", str(tmp_path / "owner")])
    assert made.exit_code == 0, made.output
    assert (tmp_path / "owner.key").stat().st_mode & 0o077 == 0
    again = CliRunner().invoke(evaluate, ["key", "new", str(tmp_path / "owner")])
    assert again.exit_code == 1
    assert "cannot be written" in again.output


def test_a_specification_that_is_not_frozen_is_said_so(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("name: gate\n")
    result = CliRunner().invoke(evaluate, [str(spec)])
    assert result.exit_code == 1
    assert "firstline eval freeze" in " ".join(result.output.split())


def test_a_frozen_specification_needs_its_signature_where_keys_are_trusted(tmp_path: Path) -> None:
    CliRunner().invoke(evaluate, ["key", "new", str(tmp_path / "owner")])
    spec = str(ROOT / "examples" / "evaluations" / "ticket-triage.yaml")
    result = CliRunner().invoke(evaluate, ["run", spec, "--trusted-keys", str(tmp_path / "owner.pub")])
    assert result.exit_code == 1
    assert "is not signed" in " ".join(result.output.split())


def test_a_judge_of_the_specification_must_be_reachable_somewhere(tmp_path: Path) -> None:
    rows = [{"id": str(at), "text": "t", "output": "billing"} for at in range(30)]
    (tmp_path / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (tmp_path / "spec.yaml").write_text(
        f"name: gate\nowners: [me]\ntask: {ROOT}/examples/tasks/ticket-triage.yaml\n"
        "golden: [{file: golden.jsonl, licence: CC0-1.0}]\n"
        "metrics: [{metric: accuracy, minimum: 0.5}]\njudge: {model: j, rubric: r}\n",
        "utf-8",
    )
    frozen = CliRunner().invoke(evaluate, ["freeze", str(tmp_path / "spec.yaml")])
    assert frozen.exit_code == 0, frozen.output
    result = CliRunner().invoke(evaluate, [str(tmp_path / "spec.yaml")])
    assert result.exit_code == 1
    assert "--judge-url" in result.output


def test_a_missing_file_is_a_wrong_use(tmp_path: Path) -> None:
    assert CliRunner().invoke(evaluate, [str(tmp_path / "missing.yaml")]).exit_code == 2
    assert CliRunner().invoke(evaluate, ["--task", "missing.yaml"]).exit_code == 2
