"""One audit record for each administrative act, whether it is done, refused or fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from gateway.errors import GatewayError
from gateway.state.audit import AuditEntry, AuditOutcome, AuditStore

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Act:
    """An act under way: what it turns out to be about, and what should be remembered of it."""

    actor: str
    name: str
    subject: str
    details: dict[str, str] = field(default_factory=dict)

    def entry(self, outcome: AuditOutcome, more: Mapping[str, str]) -> AuditEntry:
        """The record of how it ended."""
        return AuditEntry(self.actor, self.name, self.subject, outcome, {**self.details, **more})


@asynccontextmanager
async def audited(audit: AuditStore, actor: str, name: str, subject: str) -> AsyncIterator[Act]:
    """Record how the block ends.

    Raises:
        InternalError: the trail cannot be written, so nothing is done; or it broke during the act, which
            is then done.
    """
    await audit.check()
    act = Act(actor, name, subject)
    try:
        yield act
    except GatewayError as error:
        outcome = AuditOutcome.REFUSED if error.status < 500 else AuditOutcome.FAILED
        await _append(audit, act.entry(outcome, {"code": error.code, "message": error.message}))
        raise
    except BaseException as error:
        await _append(audit, act.entry(AuditOutcome.FAILED, {"code": type(error).__name__}))
        raise
    await audit.append(act.entry(AuditOutcome.DONE, {}))


async def _append(audit: AuditStore, entry: AuditEntry) -> None:
    """Record a failure without putting another in its place."""
    try:
        await audit.append(entry)
    except GatewayError as error:
        _log.error("audit_record_lost", act=entry.act, subject=entry.subject, error=error.message)
