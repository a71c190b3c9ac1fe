"""What an answer must keep beyond its output contract: rules, grounding in the input, a second model."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

JSON_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
"""RFC 6901; the empty pointer is the whole answer."""

RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
Pointer = Annotated[str, StringConstraints(max_length=500, pattern=rf"^{JSON_POINTER.pattern}$")]
DateOrder = Literal["auto", "day_first", "month_first"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Section):
    """A statement about the answer in CEL that must be true; `message` says what is wrong where it is not.

    The expression reads `output`, the answer, and `input`, the text that was asked about. `pointer` is
    the place in the answer that the violation names.
    """

    name: RuleName
    expression: str = Field(min_length=1, max_length=2000)
    message: str = Field(min_length=1, max_length=500)
    pointer: Pointer = ""


class Grounding(_Section):
    """Places whose values must stand in the input, however it writes them; a null need not.

    `*` in a pointer stands for every item of an array. `dates` says how a date such as 03/04/2026 is
    read; `auto` takes both readings.
    """

    pointers: tuple[Pointer, ...] = Field(min_length=1, max_length=100)
    dates: DateOrder = "auto"


class Verifier(_Section):
    """A second model that is asked yes or no about the answer.

    `question` is a Jinja template over `input` and `answer`; `message` is the violation after a no.
    """

    model: str = Field(min_length=1, max_length=200)
    question: str = Field(min_length=1, max_length=10_000)
    message: str = Field(default="the second model does not confirm the answer", min_length=1, max_length=500)


class Verification(_Section):
    """Checks that follow the output contract; empty by default."""

    rules: tuple[Rule, ...] = Field(default=(), max_length=50)
    grounding: Grounding | None = None
    verifier: Verifier | None = None

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = [rule.name for rule in self.rules]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"rules: two rules have the name {repeated[0]!r}")
        return self
