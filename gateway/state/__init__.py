"""State that outlives a process, behind interfaces that more than one store can keep."""

from gateway.state.channels import (
    ANYTHING,
    BASE_VERSION,
    Channel,
    ChannelChange,
    Channels,
    ChannelStore,
    Expected,
)
from gateway.state.sqlite_channels import SqliteChannelStore

__all__ = [
    "ANYTHING",
    "BASE_VERSION",
    "Channel",
    "ChannelChange",
    "ChannelStore",
    "Channels",
    "Expected",
    "SqliteChannelStore",
]
