"""`firstline eval SPEC` through a real gateway: its verdict, its exit status and its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from contracts.evaluation import GateReport, Verdict
from tests.support.evaluation_models import frozen, judge_at, party, prefer_long, right
from tests.support.evaluations import NOTES
from tests.support.gateway_process import GatewayThread
from tests.support.peft_folder import write_peft_folder
from tests.support.settings_files import REPOSITORY
from tests.support.stub_engine import Reply, StubEngine
from training.commands.eval import app
from training.data.examples import Example
from training.evaluate.asking import Answer
from training.evaluate.golden import GoldenRow
from training.evaluate.records import EvaluationReport
from training.evaluate.rouge import RougeL
from training.evaluate.run import Parties, run_evaluation

Result = Any
"""What a command gave: `exit_code`, `output`, `stdout`."""

ECHO = Reply(is_echo=True)
NULLS = Reply(text='{"invoice_id":null,"date":null,"vendor":null,"total_amount":null}')


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A frozen specification whose rows are their own answers, for an engine that echoes."""
    rows = []
    for number in range(40):
        output = {"invoice_id": f"A-{number}", "date": None, "vendor": "Acme", "total_amount": number}
        text = json.dumps(output, separators=(",", ":"))
        rows.append(json.dumps({"id": str(number), "text": text, "output": output}))
    (tmp_path / "golden.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    content: dict[str, Any] = {
        "name": "invoice-extract",
        "owners": ["owner"],
        "task": str(REPOSITORY / "examples" / "tasks" / "invoice-extract.yaml"),
        "golden": [{"file": "golden.jsonl", "licence": "CC0-1.0"}],
        "metrics": [
            {"metric": "fields_exact", "minimum": 0.9, "max_regression": 0.1},
            {"metric": "schema_valid", "minimum": 0.99},
            {"metric": "cost_per_success_usd", "maximum": 0.01},
        ],
    }
    path = tmp_path / "gate.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    frozen = CliRunner().invoke(app, ["freeze", str(path)])
    assert frozen.exit_code == 0, frozen.output
    return path


def evaluate(gateway: GatewayThread, spec: Path, *options: str) -> Result:
    return CliRunner().invoke(app, [str(spec), "--url", f"{gateway.url}/v1", *options])


def last_line(result: Result) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return line


def test_a_good_model_passes_and_leaves_a_report_that_the_registry_reads(
    gateway: GatewayThread, engine: StubEngine, spec: Path, tmp_path: Path
) -> None:
    engine.always(ECHO)
    folder = tmp_path / "adapter"
    write_peft_folder(folder)
    result = evaluate(
        gateway, spec, "--candidate", "invoice-extract", "--baseline", "base", "--adapter", str(folder),
        "--out", str(folder),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    line = last_line(result)
    assert (line["ok"], line["verdict"], line["records"]) == (True, "pass", 40)
    text = (folder / "evaluation-report.json").read_text("utf-8")
    gate = GateReport.model_validate_json(text)
    assert (gate.verdict, gate.task, gate.constrained) == (Verdict.PASS, "invoice-extract", True)
    assert gate.candidate.adapter_digest is not None
    assert gate.baseline is not None
    assert gate.baseline.model == "invoice-extract@base"
    candidate = EvaluationReport.model_validate_json(text).models[0]
    assert candidate.outcomes == {"valid": 40}
    assert candidate.figures["cost_per_success_usd"].records == 40


def test_a_bad_model_fails(gateway: GatewayThread, engine: StubEngine, spec: Path) -> None:
    engine.always(NULLS)
    result = evaluate(gateway, spec, "--candidate", "invoice-extract@base")
    assert result.exit_code == 3, result.output
    assert last_line(result)["metrics"]["fields_exact"] == 0.25


def test_answers_that_cannot_be_proven_are_judged_and_not_lost(
    gateway: GatewayThread, engine: StubEngine, spec: Path, tmp_path: Path
) -> None:
    engine.always(Reply(text="I cannot read this invoice."))
    out = tmp_path / "report.json"
    result = evaluate(gateway, spec, "--candidate", "invoice-extract@base", "--out", str(out))
    assert result.exit_code == 3, result.output
    model = EvaluationReport.model_validate_json(out.read_text("utf-8")).models[0]
    assert model.errors == {"502 reask_failed": 40}
    assert model.figures["schema_valid"].value == 0.0


def test_without_a_candidate_what_serves_now_is_compared_with_its_base_model(
    gateway: GatewayThread, engine: StubEngine, spec: Path
) -> None:
    engine.always(ECHO)
    result = evaluate(gateway, spec)
    assert result.exit_code == 0, result.output
    line = last_line(result)
    assert (line["candidate"], line["baseline"]) == ("invoice-extract@base", "invoice-extract@base")


def test_without_a_baseline_the_verdict_is_open(
    gateway: GatewayThread, engine: StubEngine, spec: Path
) -> None:
    engine.always(ECHO)
    result = evaluate(gateway, spec, "--candidate", "invoice-extract@base", "--baseline", "none")
    assert result.exit_code == 4, result.output
    assert last_line(result)["verdict"] == "inconclusive"


def test_a_version_that_is_not_there_and_another_task_are_errors(gateway: GatewayThread, spec: Path) -> None:
    missing = evaluate(gateway, spec, "--candidate", "invoice-extract@0123456789ab")
    assert missing.exit_code == 1
    assert "no version 'invoice-extract@0123456789ab'" in missing.output
    foreign = evaluate(gateway, spec, "--candidate", "ticket-triage")
    assert foreign.exit_code == 1
    assert "is no version of task 'invoice-extract'" in foreign.output


def test_straight_to_an_engine_the_grammar_is_sent_along(
    engine: StubEngine, gateway: GatewayThread, spec: Path, tmp_path: Path
) -> None:
    engine.always(ECHO)
    out = tmp_path / "report.json"
    arguments = [str(spec), "--url", f"{engine.url}/v1", "--through", "engine", "--out", str(out)]
    names = ["--candidate", "smollm2-135m", "--baseline", "base"]
    result = CliRunner().invoke(app, [*arguments, *names])
    # nobody says what an engine costs, so that metric stays open
    assert result.exit_code == 4, result.output
    report = EvaluationReport.model_validate_json(out.read_text("utf-8"))
    assert [one.verdict.value for one in report.metrics] == ["pass", "pass", "inconclusive"]
    assert "response_format" in engine.generations[-1].body


def test_the_short_form_measures_models_on_a_file(
    gateway: GatewayThread, engine: StubEngine, spec: Path, tmp_path: Path
) -> None:
    engine.always(ECHO)
    task = str(REPOSITORY / "examples" / "tasks" / "invoice-extract.yaml")
    out = tmp_path / "measured.json"
    arguments = ["--task", task, "--data", str(spec.parent / "golden.jsonl"), "--out", str(out)]
    models = ["--model", "invoice-extract", "--compare-model", "invoice-extract@base"]
    result = CliRunner().invoke(app, [*arguments, *models, "--url", f"{gateway.url}/v1"])
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text("utf-8"))["models"][1]["fields_exact"]["rate"] == 1.0


async def test_free_text_is_scored_by_rouge_and_by_the_judge() -> None:
    rows = tuple(GoldenRow(id=str(at), text="Sum it up.", output="the parcel is late") for at in range(40))
    rules = (
        {"metric": "rouge_l", "minimum": 0.5},
        {"metric": "judge_score", "minimum": 0.5},
        {"metric": "judge_preference", "minimum": 0.5},
    )
    spec = frozen(*rules, task=NOTES, rows=rows, judge={"model": "j", "rubric": "Be right."})

    def short(example: Example) -> Answer:
        return Answer(example.id, "the parcel", 0.1)

    parties = Parties(party(right, "notes"), party(short, "notes@base"))
    report = await run_evaluation(spec, parties, judge=judge_at(httpx.MockTransport(prefer_long)))
    assert [one.value for one in report.metrics] == [1.0, 1.0, 1.0]
    assert report.verdict is Verdict.PASS
    assert report.models[1].figures["rouge_l"].value == pytest.approx(2 * 0.5 / 1.5)
    assert report.models[1].figures["judge_score"].value == 0.0


def test_rouge_counts_words_of_any_script() -> None:
    scorer = RougeL()
    assert scorer.score("Der Müller kommt heute", "heute kommt der Müller") == pytest.approx(0.5)
    assert scorer.score("привет мир", "Привет, мир!") == 1.0
    assert scorer.score("anything", None) == scorer.score("...", "a") == 0.0
