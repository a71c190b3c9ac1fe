"""What the acts on adapter versions work on, and the look-ups that they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from contracts.adapter import AdapterManifest
from contracts.task import Task
from gateway.adapters._package import Trust
from gateway.adapters.directory import AdapterDirectory
from gateway.adapters.dossiers import Evaluation
from gateway.adapters.gate import GateFinding, judge
from gateway.adapters.mirror import Mirror, NoMirror
from gateway.adapters.ports import AdapterPool
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.store import AdapterStore
from gateway.errors import InvalidRequestError, ModelNotFoundError, ModelRetiredError
from gateway.settings import Promotion
from gateway.state.audit import AuditStore
from gateway.state.channels import ChannelStore
from gateway.tasks.catalog import TaskCatalog

LOCAL_ACTOR: Final = "local"
"""Who acts where nobody is named: code in this process."""
MAX_REASON_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class AdapterParts:
    """The stores and the engines, and the rules of signatures and promotion."""

    directory: AdapterDirectory
    store: AdapterStore
    channels: ChannelStore
    reconciler: Reconciler
    catalog: TaskCatalog
    pools: Mapping[str, AdapterPool]
    audit: AuditStore
    mirror: Mirror = field(default_factory=NoMirror)
    trust: Trust = field(default_factory=Trust)
    promotion: Promotion = Promotion.GATED
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def task(self, name: str) -> Task:
        """A task that serves now. Raises ModelNotFoundError."""
        served = self.catalog.get(name)
        if served is None:
            raise ModelNotFoundError(name, known=self.catalog.names())
        return served

    def version(self, name: str) -> AdapterManifest:
        """A version that the store holds, retired ones too. Raises ModelNotFoundError, ModelRetiredError."""
        manifest = self.directory.get(name)
        if manifest is not None:
            return manifest
        retirement = self.directory.retirement(name)
        if retirement is not None:
            raise ModelRetiredError(name, retirement.reason)
        raise ModelNotFoundError(name, known=[known.name for known in self.directory.list()])

    async def evaluations(self, manifest: AdapterManifest) -> tuple[Evaluation, ...]:
        """The reports on a version, newest first."""
        path = self.store.path(manifest)
        return await asyncio.to_thread(self.store.dossiers.evaluations, manifest.name, path)

    def finding(self, manifest: AdapterManifest, evaluations: Sequence[Evaluation]) -> GateFinding:
        """What the gate says of a version with these reports, newest first, now."""
        task = self.catalog.get(manifest.task)
        if task is None:
            return GateFinding(False, f"no task {manifest.task!r} is served")
        return judge(manifest, task, evaluations)


def checked_reason(reason: str, field: str) -> str:
    """A reason that a person gave, without white space around it. Raises InvalidRequestError."""
    text = reason.strip()
    if not text or len(text) > MAX_REASON_CHARS:
        raise InvalidRequestError(
            f"{field}: give a reason of 1 to {MAX_REASON_CHARS} characters", param=field
        )
    return text
