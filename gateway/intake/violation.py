"""One way in which an answer breaks what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ViolationKind(StrEnum):
    """Which check found it; also the label under which it is counted."""

    JSON = "json"
    SCHEMA = "schema"
    FORMAT = "format"
    TOOL = "tool"
    RULE = "rule"
    GROUNDING = "grounding"
    VERIFIER = "verifier"


@dataclass(frozen=True, slots=True)
class Violation:
    """`pointer` is a JSON pointer into the answer (RFC 6901); `keyword` the schema's or the rule's name."""

    pointer: str
    message: str
    kind: ViolationKind = ViolationKind.SCHEMA
    keyword: str = ""
