"""The constraint of a contract: what the real grammar library then takes and refuses."""

from __future__ import annotations

import json

import pytest
from llguidance import LLMatcher, LLTokenizer, grammar_from

from contracts.canonical import JsonForm, canonical_json
from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
    TextOutput,
)
from training.errors import OfflineModelError
from training.evaluate.offline_constraint import constraint_of

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": ["string", "null"]},
        "days": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["name", "days"],
    "additionalProperties": False,
}
VALUE = {"name": "Zoë, née Ø", "days": [1, 2]}


def takes(contract: OutputContract, text: str, form: JsonForm = JsonForm.COMPACT) -> bool:
    """Whether a whole text is derived, one byte a token."""
    constraint = constraint_of(contract, form)
    assert constraint is not None
    tokenizer = LLTokenizer("byte")
    matcher = LLMatcher(tokenizer, grammar_from(constraint.kind, constraint.text))
    tokens = tokenizer.tokenize_str(text)
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def test_json_is_forced_into_the_canonical_form() -> None:
    contract = JsonSchemaOutput(kind="json_schema", schema=SCHEMA)
    assert takes(contract, canonical_json(VALUE, SCHEMA))
    assert not takes(contract, json.dumps(VALUE, ensure_ascii=False))
    assert not takes(contract, canonical_json(VALUE, SCHEMA) + " ")


def test_an_adapter_trained_on_spaced_json_gets_spaced_json() -> None:
    contract = JsonSchemaOutput(kind="json_schema", schema=SCHEMA)
    assert takes(contract, canonical_json(VALUE, SCHEMA, JsonForm.SPACED), JsonForm.SPACED)
    assert not takes(contract, canonical_json(VALUE, SCHEMA), JsonForm.SPACED)


def test_any_object_is_an_object_without_white_space() -> None:
    contract = JsonObjectOutput(kind="json_object")
    assert takes(contract, '{"a":[1,{"b":null}]}')
    assert not takes(contract, '{"a": 1}')
    assert not takes(contract, "[]")


@pytest.mark.parametrize("label", ["bug", 'say "no"', "line\nfeed", "größe", "a.b*c", "back\\slash", "a/b"])
def test_a_choice_is_taken_letter_for_letter(label: str) -> None:
    contract = ChoiceOutput(kind="choice", choices=("bug report", label))
    assert takes(contract, label)
    assert takes(contract, "bug report")
    assert not takes(contract, label + "x")


def test_a_regex_matches_the_whole_answer() -> None:
    contract = RegexOutput(kind="regex", pattern=r"[A-Z]{2}-\d+")
    assert takes(contract, "AB-17")
    assert not takes(contract, "AB-17 ")


@pytest.mark.parametrize("grammar", ['start: "yes" | "no"', 'root ::= "yes" | "no"'])
def test_a_grammar_is_read_in_either_syntax(grammar: str) -> None:
    contract = GrammarOutput(kind="grammar", grammar=grammar)
    assert takes(contract, "no")
    assert not takes(contract, "maybe")


def test_free_text_is_not_constrained() -> None:
    assert constraint_of(TextOutput()) is None


def test_what_no_grammar_forces_is_left_out_and_named() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "not": {"const": "x"}}},
        "required": ["a"],
    }
    contract = JsonSchemaOutput(kind="json_schema", schema=schema)
    constraint = constraint_of(contract)
    assert constraint is not None
    assert "not" in constraint.left_out[0]
    assert takes(contract, '{"a":"x"}')


@pytest.mark.parametrize(
    "contract",
    [
        RegexOutput(kind="regex", pattern="("),
        GrammarOutput(kind="grammar", grammar="start: nowhere"),
        JsonSchemaOutput(kind="json_schema", schema={"type": "strange"}),
        JsonSchemaOutput(kind="json_schema", schema=False),
    ],
)
def test_what_cannot_be_forced_is_refused(contract: OutputContract) -> None:
    with pytest.raises(OfflineModelError, match="cannot be forced"):
        constraint_of(contract)
