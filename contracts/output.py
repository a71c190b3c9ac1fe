"""What a task promises to return: the output contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class TextOutput(_Contract):
    """Free text: nothing is constrained, nothing is verified."""

    kind: Literal["text"] = "text"


class JsonSchemaOutput(_Contract):
    """JSON that validates against the whole schema (drafts 4 to 2020-12)."""

    kind: Literal["json_schema"]
    json_schema: dict[str, Any] | bool = Field(alias="schema")
    strict: bool = False


class JsonObjectOutput(_Contract):
    """Any JSON object."""

    kind: Literal["json_object"]


class ChoiceOutput(_Contract):
    """Exactly one of the labels."""

    kind: Literal["choice"]
    choices: tuple[str, ...] = Field(min_length=1, max_length=1000)


class RegexOutput(_Contract):
    """Text that matches the whole pattern (the syntax of Rust's regex crate, as in llguidance)."""

    kind: Literal["regex"]
    pattern: str = Field(min_length=1, max_length=10_000)


class GrammarOutput(_Contract):
    """Text that a context-free grammar derives (Lark syntax as in llguidance, or GBNF)."""

    kind: Literal["grammar"]
    grammar: str = Field(min_length=1, max_length=100_000)


class PythonTypeOutput(_Contract):
    """A Python type, as `package.module:Name`. It stands in a task's file alone.

    The gateway resolves it when it reads the file; what it serves has the contract that came of it.
    """

    kind: Literal["python_type"]
    type: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$", max_length=500
    )


OutputContract = Annotated[
    TextOutput | JsonSchemaOutput | JsonObjectOutput | ChoiceOutput | RegexOutput | GrammarOutput,
    Field(discriminator="kind"),
]
