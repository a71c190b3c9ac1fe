"""Why a draft may not leave."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.intake.violation import Violation

TRUNCATED = "truncated"
INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Failure:
    """`code` is `truncated`, `invalid`, or an engine error's code; `text` is what the engine said."""

    code: str
    violations: tuple[Violation, ...] = ()
    text: str = ""

    @property
    def kind(self) -> str:
        """The label under which it is counted: which check failed first, where one did."""
        return str(self.violations[0].kind) if self.violations else self.code
