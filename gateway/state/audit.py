"""The audit trail: every administrative act, in an order and a content that cannot be changed unnoticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from contracts.canonical import JsonValue, content_hash, stable_bytes

MAX_RECORDS: Final = 1000
"""The most records that one call gives."""
MAX_DETAILS: Final = 20
MAX_DETAIL_CHARS: Final = 1000
FIRST_HASH: Final = "0" * 64
"""What stands as the previous hash of the first record."""


class AuditOutcome(StrEnum):
    """How an act ended: done, refused by a rule, or failed on the way."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be recorded: who did what to which task or version; details hold no secret and no prompt."""

    actor: str
    act: str
    subject: str
    outcome: AuditOutcome
    details: Mapping[str, str] = field(default_factory=dict)

    def bounded(self) -> AuditEntry:
        """The same with details of bounded number and length."""
        kept = {
            key[:100]: value[:MAX_DETAIL_CHARS] for key, value in list(self.details.items())[:MAX_DETAILS]
        }
        return AuditEntry(self.actor[:100], self.act[:100], self.subject[:200], self.outcome, kept)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record of the chain; `id` counts from 1 without gaps."""

    id: int
    at: datetime
    entry: AuditEntry
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFault:
    """The first record that does not fit the chain, and why."""

    id: int
    reason: str


class AuditStore(Protocol):
    """Only ever appended to; several processes may use one store at once. Raises InternalError."""

    async def check(self) -> None:
        """Make sure that a record could be written now."""

    async def append(self, entry: AuditEntry) -> AuditRecord:
        """Write one record; it is on disk when this returns."""

    async def records(
        self, *, subject: str | None = None, after: int = 0, limit: int = MAX_RECORDS
    ) -> tuple[AuditRecord, ...]:
        """Records after an id, oldest first; `subject` is a version, or a task with all its versions."""

    async def verify(self) -> AuditFault | None:
        """Walk the whole chain; None where it holds.

        Records cut off at the end leave a whole chain: keep the last hash elsewhere to notice that.
        """

    async def close(self) -> None:
        """Give up what the store holds open."""


def record_of(number: int, at: datetime, entry: AuditEntry, previous_hash: str) -> AuditRecord:
    """Make a record with its hash, which covers all its fields and the hash before."""
    content: dict[str, JsonValue] = {
        "id": number,
        "at": at.isoformat(),
        "actor": entry.actor,
        "act": entry.act,
        "subject": entry.subject,
        "outcome": entry.outcome.value,
        "details": dict(entry.details),
    }
    chained = content_hash(previous_hash.encode(), stable_bytes(content))
    return AuditRecord(number, at, entry, previous_hash, chained)


def fault_in(record: AuditRecord, before: AuditRecord | None) -> AuditFault | None:
    """What is wrong with a record that follows another."""
    if record.id != (before.id if before else 0) + 1:
        return AuditFault(record.id, "a record before it is missing")
    if record.previous_hash != (before.hash if before else FIRST_HASH):
        return AuditFault(record.id, "it does not follow the record before it")
    if record_of(record.id, record.at, record.entry, record.previous_hash).hash != record.hash:
        return AuditFault(record.id, "its content was changed")
    return None
