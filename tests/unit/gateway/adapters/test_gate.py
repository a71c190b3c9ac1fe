"""The gate: what opens it, and what it says when it stays closed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from contracts.evaluation import Judged, Verdict
from contracts.output import JsonSchemaOutput
from contracts.task import Task
from gateway.adapters.dossiers import Evaluation
from gateway.adapters.gate import judge
from tests.support.gate_reports import gate_report

DIGEST = "a" * 64
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}
TASK = Task(
    name="invoice",
    description="Reads.",
    base_model="small-model",
    output=JsonSchemaOutput.model_validate({"kind": "json_schema", "schema": SCHEMA}),
)
TEXT_TASK = Task(name="invoice", description="Reads.", base_model="small-model")
VERSION = AdapterManifest(
    task="invoice",
    digest=DIGEST,
    base_model="small-model",
    rank=4,
    target_modules=("v_proj",),
    created_at=datetime(2026, 1, 14, tzinfo=UTC),
    files={},
)


def evaluation(
    verdict: Verdict = Verdict.PASS, *, of: Task = TASK, day: int = 14, **changes: Any
) -> Evaluation:
    report = gate_report(VERSION, of, verdict, created_at=datetime(2026, 1, day, tzinfo=UTC))
    return Evaluation(report.model_copy(update=changes), f"{day:064}", "attached")


def test_a_passing_report_of_this_version_under_this_contract_opens_it() -> None:
    finding = judge(VERSION, TASK, [evaluation()])
    assert finding.is_open
    assert finding.reason == "it passed 'invoice-v1' on 120 records"
    assert finding.evaluation == evaluation()


def test_no_report_is_no_pass() -> None:
    finding = judge(VERSION, TASK, [])
    assert (finding.is_open, finding.reason) == (False, "it has no evaluation report")


def other(digest: str | None) -> Judged:
    return Judged(model="m", base_model="small-model", adapter_digest=digest)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"candidate": other("b" * 64)}, "is of adapter bbbbbbbbbbbb, not of this version"),
        ({"candidate": other(None)}, "is of a bare base model, not of this version"),
        ({"task": "ticket"}, "was made for task 'ticket'"),
        ({"output_hash": "0" * 12}, "was made for output contract 000000000000, and the task now has"),
        ({"constrained": False}, "was not made under the grammar"),
        ({"json_form": JsonForm.SPACED}, "was made with spaced JSON, and the version has compact"),
    ],
)
def test_a_passing_report_on_something_else_is_none(change: dict[str, Any], says: str) -> None:
    finding = judge(VERSION, TASK, [evaluation(**change)])
    assert not finding.is_open
    assert says in finding.reason


@pytest.mark.parametrize(
    ("verdict", "says"),
    [(Verdict.FAIL, "failed: field_f1 is 0.71"), (Verdict.INCONCLUSIVE, "is inconclusive: field_f1")],
)
def test_a_verdict_that_is_no_pass_keeps_it_closed(verdict: Verdict, says: str) -> None:
    finding = judge(VERSION, TASK, [evaluation(verdict)])
    assert not finding.is_open
    assert says in finding.reason


def test_the_newest_fitting_report_decides() -> None:
    failed_later = [evaluation(Verdict.FAIL, day=15), evaluation(Verdict.PASS, day=14)]
    passed_later = [evaluation(Verdict.PASS, day=15), evaluation(Verdict.FAIL, day=14)]
    assert not judge(VERSION, TASK, failed_later).is_open
    assert judge(VERSION, TASK, passed_later).is_open


def test_a_newer_report_on_something_else_changes_nothing() -> None:
    reports = [evaluation(Verdict.FAIL, day=15, output_hash="0" * 12), evaluation(Verdict.PASS, day=14)]
    assert judge(VERSION, TASK, reports).is_open


def test_free_text_needs_no_grammar() -> None:
    report = evaluation(of=TEXT_TASK, constrained=False, json_form=JsonForm.SPACED)
    assert judge(VERSION, TEXT_TASK, [report]).is_open
