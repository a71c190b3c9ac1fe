"""Which contract a Python type stands for, as Outlines reads it."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import re
from typing import Any, Literal, Optional

import llguidance
import pytest
from llguidance import LLMatcher
from outlines import grammars
from outlines.types import CFG, Choice, JsonSchema, Regex, date, digit, either
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    RegexOutput,
)
from gateway.intake._outlines import contract_of
from gateway.intake.prefix import PrefixCheck


class Line(BaseModel):
    """A part of an invoice."""

    text: str
    amount: float = Field(ge=0)


class Invoice(BaseModel):
    """A model within a model."""

    number: str = Field(pattern="^[A-Z]-[0-9]+$")
    lines: list[Line]
    note: str | None = None


class Typed(TypedDict):
    """A typed dict."""

    name: str
    count: int


@dataclasses.dataclass
class Plain:
    """A dataclass."""

    name: str
    count: int = 1


class Colour(enum.Enum):
    """An enum of several kinds of value."""

    RED = "red"
    TWO = 2
    HALF = 0.5


def weather(city: str, days: int = 1) -> None:
    """A function, of which the signature counts."""


def test_a_pydantic_model_is_its_json_schema() -> None:
    contract = contract_of(Invoice)
    assert contract == JsonSchemaOutput(kind="json_schema", json_schema=Invoice.model_json_schema())
    assert isinstance(contract, JsonSchemaOutput)
    assert isinstance(contract.json_schema, dict)
    assert list(contract.json_schema["properties"]) == ["number", "lines", "note"]


@pytest.mark.parametrize(
    ("kind", "properties", "required"),
    [
        (Typed, ["name", "count"], ["name", "count"]),
        (Plain, ["name", "count"], ["name"]),
        (weather, ["city", "days"], ["city"]),
        (JsonSchema({"type": "object", "properties": {"a": {}}, "required": ["a"]}), ["a"], ["a"]),
    ],
)
def test_other_records_are_json_schemas(kind: Any, properties: list[str], required: list[str]) -> None:
    contract = contract_of(kind)
    assert isinstance(contract, JsonSchemaOutput)
    assert isinstance(contract.json_schema, dict)
    assert list(contract.json_schema["properties"]) == properties
    assert contract.json_schema["required"] == required


@pytest.mark.parametrize(
    ("kind", "choices"),
    [
        (Literal["good", "so.so"], ("good", "so.so")),
        (Literal["a b (c)", 1, True], ("a b (c)", "1", "True")),
        (Colour, ("red", "2", "0.5")),
        (Literal["a", "b", "a"], ("a", "b")),
        (Literal["a"] | Colour, ("a", "red", "2", "0.5")),  # type: ignore[operator]  # a form of typing's
        (Optional[Literal["a"]], ("a", "None")),  # noqa: UP045 - as people write it
        (Choice(["x", "y"]), ("x", "y")),
        (either("x", "y"), ("x", "y")),
        (Literal["-1"], ("-1",)),
    ],
    ids=str,
)
def test_what_lists_its_texts_is_a_choice(kind: Any, choices: tuple[str, ...]) -> None:
    assert contract_of(kind) == ChoiceOutput(kind="choice", choices=choices)


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        (Regex("[a-z]{3}"), "[a-z]{3}"),
        (datetime.date, date.pattern),
        (int, r"[+-]?(0|[1-9][0-9]*)"),
        (digit.exactly(4) + "-" + either("a", "b"), r"((\d)){4}\-(a|b)"),
        (either("x", digit), r"(x|(\d))"),
        (Literal["x"] | int, r"((x)|([+-]?(0|[1-9][0-9]*)))"),  # type: ignore[operator]  # typing's form
    ],
    ids=str,
)
def test_other_terms_are_patterns(kind: Any, pattern: str) -> None:
    contract = contract_of(kind)
    assert contract == RegexOutput(kind="regex", pattern=pattern)
    assert LLMatcher.validate_grammar(llguidance.grammar_from("regex", pattern)) == ""
    re.compile(pattern)


def test_a_dict_is_any_object() -> None:
    assert contract_of(dict) == JsonObjectOutput(kind="json_object")


def test_a_lark_grammar_is_marked_as_one() -> None:
    contract = contract_of(CFG(grammars.arithmetic))
    assert contract == GrammarOutput(kind="grammar", grammar="%llguidance {}\n" + grammars.arithmetic)
    assert isinstance(contract, GrammarOutput)
    assert PrefixCheck.for_grammar(contract.grammar).feed("(1+2)*3") is None
    assert PrefixCheck.for_grammar(contract.grammar).feed("(1+)") == "cannot become valid from byte 3"
    assert contract_of(CFG(contract.grammar)) == contract


def test_another_grammar_stays_as_it_is() -> None:
    gbnf = 'root ::= "yes" | "no"'
    assert contract_of(CFG(gbnf)) == GrammarOutput(kind="grammar", grammar=gbnf)


@pytest.mark.parametrize("kind", [object, 1.5j, Exception])
def test_what_outlines_does_not_know_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match="not supported"):
        contract_of(kind)


def test_a_pattern_for_white_space_is_refused() -> None:
    with pytest.raises(ValueError, match="the gateway fixes the white space itself"):
        contract_of(JsonSchema({"type": "object"}, whitespace_pattern=" ?"))
