"""Evaluation reports as `firstline eval` writes them, for a given adapter version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contracts.adapter import AdapterManifest
from contracts.evaluation import GateReport, Judged, Verdict
from contracts.task import Task


def gate_report(
    manifest: AdapterManifest, task: Task, verdict: Verdict = Verdict.PASS, /, **changes: Any
) -> GateReport:
    """A report that fits the version and the task, but for `changes`."""
    report = GateReport(
        task=task.name,
        task_version=task.version,
        output_hash=task.output_hash,
        spec="invoice-v1",
        spec_sha256="5" * 64,
        candidate=Judged(model=manifest.name, base_model=manifest.base_model, adapter_digest=manifest.digest),
        constrained=True,
        json_form=manifest.json_form,
        records=120,
        created_at=datetime(2026, 1, 14, tzinfo=UTC),
        verdict=verdict,
        reasons=() if verdict is Verdict.PASS else ("field_f1 is 0.71, at least 0.90 was asked for",),
    )
    return report.model_copy(update=changes)


def report_bytes(
    manifest: AdapterManifest, task: Task, verdict: Verdict = Verdict.PASS, /, **changes: Any
) -> bytes:
    """The same as its file."""
    return gate_report(manifest, task, verdict, **changes).model_dump_json(indent=2).encode()
