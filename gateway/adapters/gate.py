"""The gate: which evaluation lets an adapter version into the stable channel of its task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.adapter import AdapterManifest
from contracts.evaluation import GateReport, Verdict
from contracts.task import Task
from gateway.adapters.dossiers import Evaluation


@dataclass(frozen=True, slots=True)
class GateFinding:
    """Whether the gate is open for a version, and the sentence that says why."""

    is_open: bool
    reason: str
    evaluation: Evaluation | None = None


def judge(manifest: AdapterManifest, task: Task, evaluations: Sequence[Evaluation]) -> GateFinding:
    """The newest evaluation of this version under the task's present contract decides.

    `evaluations` stand newest first. One of another adapter, task or output contract counts as none.
    """
    if not evaluations:
        return GateFinding(False, "it has no evaluation report")
    misfits = [(evaluation, _misfit(evaluation.report, manifest, task)) for evaluation in evaluations]
    fitting = [evaluation for evaluation, misfit in misfits if misfit is None]
    if not fitting:
        newest, misfit = misfits[0]
        return GateFinding(False, f"its evaluation under {newest.report.spec!r} {misfit}", newest)
    newest = fitting[0]
    report = newest.report
    if report.verdict is Verdict.PASS:
        return GateFinding(True, f"it passed {report.spec!r} on {report.records} records", newest)
    word = "failed" if report.verdict is Verdict.FAIL else "is inconclusive"
    reasons = f": {'; '.join(report.reasons)[:500]}" if report.reasons else ""
    return GateFinding(False, f"its evaluation under {report.spec!r} {word}{reasons}", newest)


def _misfit(report: GateReport, manifest: AdapterManifest, task: Task) -> str | None:
    """Why a report says nothing about serving this version for this task."""
    digest = report.candidate.adapter_digest
    is_structured = task.output.kind != "text"
    if digest != manifest.digest:
        judged = f"adapter {digest[:12]}" if digest else "a bare base model"
        return f"is of {judged}, not of this version"
    if report.task != task.name:
        return f"was made for task {report.task!r}"
    if report.output_hash != task.output_hash:
        return (
            f"was made for output contract {report.output_hash}, and the task now has {task.output_hash}: "
            "evaluate it again"
        )
    if is_structured and not report.constrained:
        return "was not made under the grammar that constrains the served answers"
    if is_structured and report.json_form is not manifest.json_form:
        return f"was made with {report.json_form.value} JSON, and the version has {manifest.json_form.value}"
    return None
