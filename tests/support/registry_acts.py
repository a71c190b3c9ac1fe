"""What tests of the registry ask again and again: a report that fits, and what the audit trail says."""

from __future__ import annotations

from typing import Any

from contracts.adapter import AdapterManifest
from contracts.evaluation import Verdict
from gateway.state import AuditRecord
from tests.support.adapter_side import TASK, Side
from tests.support.gate_reports import report_bytes


def report_for(
    side: Side, manifest: AdapterManifest, verdict: Verdict = Verdict.PASS, **changes: Any
) -> bytes:
    """A report on this version under the task as it is served now."""
    return report_bytes(manifest, side.parts.task(TASK), verdict, **changes)


async def acts(side: Side, subject: str = TASK) -> list[tuple[str, str]]:
    """Every act on a subject and how it ended, oldest first."""
    return [(each.entry.act, each.entry.outcome.value) for each in await side.audit.records(subject=subject)]


async def last_act(side: Side) -> AuditRecord:
    """The newest record."""
    return (await side.audit.records())[-1]
