"""State that outlives a process, behind interfaces that more than one store can keep."""

from gateway.state.audit import AuditEntry, AuditFault, AuditOutcome, AuditRecord, AuditStore
from gateway.state.channels import (
    ANYTHING,
    BASE_VERSION,
    Channel,
    ChannelChange,
    Channels,
    ChannelStore,
    Expected,
)
from gateway.state.sqlite_audit import SqliteAuditStore
from gateway.state.sqlite_channels import SqliteChannelStore

__all__ = [
    "ANYTHING",
    "BASE_VERSION",
    "AuditEntry",
    "AuditFault",
    "AuditOutcome",
    "AuditRecord",
    "AuditStore",
    "Channel",
    "ChannelChange",
    "ChannelStore",
    "Channels",
    "Expected",
    "SqliteAuditStore",
    "SqliteChannelStore",
]
