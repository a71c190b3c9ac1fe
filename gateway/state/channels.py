"""Channels: which adapter version answers for a task; the shapes that every store of them keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final, Literal, Protocol

BASE_VERSION: Final = "base"
"""The version that stands for the bare base model."""


class Channel(StrEnum):
    """The mutable pointers of a task."""

    STABLE = "stable"
    CANARY = "canary"
    SHADOW = "shadow"


class _Anything(Enum):
    ANYTHING = 0


ANYTHING: Final = _Anything.ANYTHING
"""No expectation of what a channel points to before it is moved."""

Expected = str | None | Literal[_Anything.ANYTHING]


@dataclass(frozen=True, slots=True)
class Channels:
    """The pointers of one task: adapter versions (12 hexadecimal digits), "base", or None.

    `canary_share_ratio` is the share of traffic for the canary, 0.0 where there is none.
    """

    stable: str | None = None
    canary: str | None = None
    canary_share_ratio: float = 0.0
    shadow: str | None = None

    def version(self, channel: Channel) -> str | None:
        """What one channel points to."""
        return {Channel.STABLE: self.stable, Channel.CANARY: self.canary, Channel.SHADOW: self.shadow}[
            channel
        ]

    @property
    def versions(self) -> frozenset[str]:
        """The adapter versions that any channel names, without the bare base model."""
        return frozenset({self.stable, self.canary, self.shadow} - {None, BASE_VERSION})  # type: ignore[arg-type] # None is taken out


@dataclass(frozen=True, slots=True)
class ChannelChange:
    """One move of one channel; `generation` numbers all moves of the store, from 1 and without gaps."""

    generation: int
    task: str
    channel: Channel
    version: str | None
    previous: str | None
    share_ratio: float
    at: datetime


class ChannelStore(Protocol):
    """Keeps the channels of all tasks; several processes may use one store at once."""

    async def stable(self, task: str) -> str | None:
        """What the stable channel points to; None where it was never pointed or was cleared."""

    async def channels(self) -> Mapping[str, Channels]:
        """The channels of every task that has any."""

    async def point(
        self,
        task: str,
        channel: Channel,
        version: str | None,
        *,
        expected: Expected = ANYTHING,
        share_ratio: float = 0.0,
    ) -> ChannelChange:
        """Move a channel; None clears it. `share_ratio` is for the canary alone.

        Raises:
            ConflictError: the channel does not point to `expected` any more.
            ValueError: the version or the share is not one that a channel can have.
        """

    async def history(self, task: str, limit: int = 100) -> tuple[ChannelChange, ...]:
        """The latest moves of one task, newest first."""

    async def changes(self, since: int) -> tuple[ChannelChange, ...]:
        """The moves after generation `since`, oldest first, at most 1,000."""

    async def generation(self) -> int:
        """The number of the last move, 0 before the first; cheap enough to ask every second."""

    async def close(self) -> None:
        """Give up what the store holds open."""
