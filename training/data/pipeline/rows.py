"""The rows that travel through the build: kept ones, and rejected ones with their reason and place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from contracts.canonical import content_hash, stable_bytes

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as its file gives it; `record` maps column names to values, `place` is `file:number`."""

    record: dict[str, Any]
    place: str


@dataclass(frozen=True, slots=True)
class Row:
    """One example on its way. `pinned` is the split that its source prescribes."""

    id: str
    text: str
    output: Any
    group: str = ""
    slice: str = ""
    source: str = ""
    rejected_output: Any = None
    place: str = ""
    pinned: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out. `reason` is a word to count by, `detail` a sentence, `content` what it was."""

    reason: str
    detail: str
    place: str
    id: str = ""
    content: Any = None


def rejected(row: Row, reason: str, detail: str) -> Rejected:
    """Reject a row that was read well."""
    return Rejected(reason, detail, row.place, row.id, {"text": row.text, "output": row.output})


def content_key(row: Row) -> str:
    """A hash of what a row teaches; equal for rows that are the same example."""
    return content_hash(row.text.encode(), stable_bytes(row.output), stable_bytes(row.rejected_output))


class Progress(Protocol):
    """Passes items through and shows how far they are."""

    def __call__(self, items: Iterable[_T], step: str, total: int | None = None) -> Iterable[_T]:
        """Yield the items unchanged."""


def silent(items: Iterable[_T], step: str, total: int | None = None) -> Iterable[_T]:  # noqa: ARG001 - the shape
    """Progress that shows nothing."""
    return items
