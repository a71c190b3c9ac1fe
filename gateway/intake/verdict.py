"""What intake has found out about an output contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class VerdictKind(StrEnum):
    """How much of a contract the grammar forces; the whole is verified in either case."""

    CONSTRAINED = "constrained"
    PARTLY = "partly"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A keyword that the grammar does not force, or for which the contract is refused."""

    pointer: str
    keyword: str
    reason: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that turns a schema into the one that the grammar forces: keywords that a place loses."""

    path: tuple[str | int, ...]
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of vetting. It depends on the contract, the limits and the versions of the libraries alone.

    `unsupported` says what the grammar leaves to verification, or why the contract is refused. `grammar` is
    what a matcher is made from, as the engine will be given it, and is not kept with the verdict. `draft` is
    the dialect that the schema is read in. `is_cheap` says that proving an answer takes time in proportion
    to the answer, so that it may be done on the event loop; `is_lenient` that the grammar library is told to
    pass over what it does not know, be it a mere note such as a format of one's own.
    """

    kind: VerdictKind
    code: str = ""
    unsupported: tuple[Unsupported, ...] = ()
    edits: tuple[Edit, ...] = ()
    draft: str = ""
    is_cheap: bool = True
    is_lenient: bool = False
    seconds: float = 0.0
    grammar: str | None = field(default=None, compare=False)

    def sentence(self) -> str:
        """Say what is not supported, and where."""
        return "; ".join(
            f"{item.pointer or '/'}: {item.keyword}: {item.reason}" if item.keyword else item.reason
            for item in self.unsupported[:5]
        )

    def details(self) -> list[dict[str, str]]:
        """As a client is told in an error object."""
        return [
            {
                "pointer": u.pointer,
                "kind": self.code or "not_forced",
                "keyword": u.keyword,
                "message": u.reason,
            }
            for u in self.unsupported
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the worker's pipe and for the store."""
        return {
            "kind": str(self.kind),
            "code": self.code,
            "unsupported": [[u.pointer, u.keyword, u.reason] for u in self.unsupported],
            "edits": [[list(e.path), list(e.keywords)] for e in self.edits],
            "draft": self.draft,
            "is_cheap": self.is_cheap,
            "is_lenient": self.is_lenient,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Verdict:
        """Read what `to_json` wrote. Raises KeyError, TypeError and ValueError for anything else."""
        return cls(
            kind=VerdictKind(value["kind"]),
            code=str(value["code"]),
            unsupported=tuple(Unsupported(*map(str, item)) for item in value["unsupported"]),
            edits=tuple(Edit(tuple(path), tuple(keywords)) for path, keywords in value["edits"]),
            draft=str(value["draft"]),
            is_cheap=bool(value["is_cheap"]),
            is_lenient=bool(value["is_lenient"]),
            seconds=float(value["seconds"]),
        )
