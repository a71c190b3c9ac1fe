"""How adapter versions look to an operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from contracts.adapter import AdapterManifest
from contracts.artifact import Provenance, StoredFile
from contracts.canonical import JsonForm
from gateway.adapters.dossiers import Evaluation
from gateway.adapters.gate import GateFinding
from gateway.adapters.parts import AdapterParts
from gateway.state.audit import AuditRecord
from gateway.state.channels import Channel


class EngineState(BaseModel):
    """One adapter on one engine."""

    engine: str
    state: str
    failures: int
    reason: str | None


class EvaluationView(BaseModel):
    """One report on a version; `source` is its own package, or `attached`."""

    sha256: str
    source: str
    spec: str
    spec_signer: str | None
    verdict: str
    reasons: tuple[str, ...]
    records: int
    constrained: bool
    output_hash: str
    form: str
    created_at: datetime


class GateView(BaseModel):
    """Whether the version may become stable without an override, and why."""

    is_open: bool
    reason: str


class RetirementView(BaseModel):
    """When a version was taken out of service."""

    at: datetime
    by: str
    reason: str


class AdapterView(BaseModel):
    """One adapter version and where it stands."""

    name: str
    task: str
    version: str
    digest: str
    base_model: str
    rank: int
    target_modules: tuple[str, ...]
    json_form: JsonForm
    created_at: datetime
    bytes: int
    signer: str | None
    notes: str
    is_stable: bool
    channels: list[str]
    retired: RetirementView | None
    gate: GateView
    evaluations: list[EvaluationView]
    engines: list[EngineState]


class AuditView(BaseModel):
    """One administrative act; `hash` covers it and `previous_hash`."""

    id: int
    at: datetime
    actor: str
    act: str
    subject: str
    outcome: str
    details: dict[str, str]
    previous_hash: str
    hash: str


class AdapterDetails(AdapterView):
    """One version with its files, where it comes from, and every act on it."""

    files: dict[str, StoredFile]
    provenance: Provenance | None
    history: list[AuditView]


class AdapterList(BaseModel):
    """The adapter versions in the store; `store_problem` says why a remote store does not answer."""

    adapters: list[AdapterView]
    store_problem: str | None = None


async def adapter_views(manifests: Sequence[AdapterManifest], parts: AdapterParts) -> list[AdapterView]:
    """Gather what is known of some versions."""
    engines: dict[str, list[EngineState]] = {}
    for status in parts.reconciler.status():
        state = EngineState(
            engine=status.engine, state=status.state.value, failures=status.failures, reason=status.reason
        )
        engines.setdefault(status.adapter, []).append(state)
    return [await _view(manifest, parts, engines.get(manifest.name, [])) for manifest in manifests]


async def adapter_view(manifest: AdapterManifest, parts: AdapterParts) -> AdapterView:
    """Gather what is known of one version."""
    [view] = await adapter_views([manifest], parts)
    return view


async def _view(manifest: AdapterManifest, parts: AdapterParts, engines: list[EngineState]) -> AdapterView:
    evaluations = await parts.evaluations(manifest)
    retirement = parts.directory.retirement(manifest.name)
    channels = _channels(manifest, parts)
    return AdapterView(
        name=manifest.name,
        task=manifest.task,
        version=manifest.version,
        digest=manifest.digest,
        base_model=manifest.base_model,
        rank=manifest.rank,
        target_modules=manifest.target_modules,
        json_form=manifest.json_form,
        created_at=manifest.created_at,
        bytes=manifest.size_bytes,
        signer=manifest.signer,
        notes=manifest.notes,
        is_stable=Channel.STABLE.value in channels,
        channels=channels,
        retired=RetirementView(**retirement.model_dump(exclude={"schema_version"})) if retirement else None,
        gate=_gate_view(parts.finding(manifest, evaluations)),
        evaluations=[_evaluation_view(evaluation) for evaluation in evaluations],
        engines=engines,
    )


async def adapter_details(manifest: AdapterManifest, parts: AdapterParts) -> AdapterDetails:
    """Gather everything about a version."""
    view = await adapter_view(manifest, parts)
    records = await parts.audit.records(subject=manifest.name)
    return AdapterDetails(
        **view.model_dump(),
        files=manifest.files,
        provenance=manifest.provenance,
        history=[audit_view(record) for record in records],
    )


def audit_view(record: AuditRecord) -> AuditView:
    """One record as JSON shows it."""
    return AuditView(
        id=record.id,
        at=record.at,
        actor=record.entry.actor,
        act=record.entry.act,
        subject=record.entry.subject,
        outcome=record.entry.outcome.value,
        details=dict(record.entry.details),
        previous_hash=record.previous_hash,
        hash=record.hash,
    )


def _channels(manifest: AdapterManifest, parts: AdapterParts) -> list[str]:
    pointers = parts.directory.channels(manifest.task)
    return [channel.value for channel in Channel if pointers.version(channel) == manifest.version]


def _gate_view(finding: GateFinding) -> GateView:
    return GateView(is_open=finding.is_open, reason=finding.reason)


def _evaluation_view(evaluation: Evaluation) -> EvaluationView:
    report = evaluation.report
    return EvaluationView(
        sha256=evaluation.sha256,
        source=evaluation.source,
        spec=report.spec,
        spec_signer=report.spec_signer,
        verdict=report.verdict.value,
        reasons=report.reasons,
        records=report.records,
        constrained=report.constrained,
        output_hash=report.output_hash,
        form=report.candidate.form,
        created_at=report.created_at,
    )
