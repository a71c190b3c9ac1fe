"""Output contracts: what is proven of every keyword, choice, pattern and grammar."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    OutputContract,
    RegexOutput,
    TextOutput,
)
from gateway.errors import SchemaUnsupportedError
from gateway.intake.proof import MAX_VIOLATIONS, verifier_of
from gateway.intake.vet import check_contract
from gateway.intake.violation import Violation, ViolationKind
from tests.unit.gateway.fakes import schema_output


def holds(contract: OutputContract, text: str) -> bool:
    check_contract(contract)
    return verifier_of(contract)(text) == ()


def refused(contract: OutputContract) -> SchemaUnsupportedError:
    with pytest.raises(SchemaUnsupportedError) as caught:
        check_contract(contract)
    assert (caught.value.status, caught.value.code) == (400, "schema_unsupported")
    return caught.value


def test_text_promises_nothing() -> None:
    assert holds(TextOutput(), "")


def test_a_choice_is_one_of_the_labels_to_the_letter() -> None:
    choice = ChoiceOutput(kind="choice", choices=("yes", "no", "größer"))
    assert holds(choice, "yes")
    assert holds(choice, "größer")
    for wrong in ("", "Yes", "yes ", "yesno", "maybe", "gro\u0308ßer"):
        fault = Violation("", "is not one of the choices", ViolationKind.FORMAT, "choice")
        assert verifier_of(choice)(wrong) == (fault,)


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        (r"[A-Z]{2}-\d{4}", "AB-1029", "AB-10290"),
        ("a|bc", "bc", "a|bc"),
        ("é+", "éé", "e"),
        ("a/b", "a/b", "a\\/b"),
        ("(?i)yes", "YES", "YES!"),
        (r"\p{Greek}+", "αβγ", "abc"),
        ("a*", "", "b"),
        ("[^\n]+", "one line", "two\nlines"),
        (".{3}", "日本語", "日本"),
    ],
)
def test_a_pattern_is_matched_as_a_whole(pattern: str, right: str, wrong: str) -> None:
    regex = RegexOutput(kind="regex", pattern=pattern)
    assert holds(regex, right)
    assert not holds(regex, wrong)
    assert not holds(regex, right + "\n")


def test_a_mismatch_names_the_byte() -> None:
    (found,) = verifier_of(RegexOutput(kind="regex", pattern="é+"))("éx")
    assert (found.message, found.keyword) == ("does not match the pattern (from byte 2)", "pattern")


@pytest.mark.parametrize("pattern", ["(a", "[", "a{2", "*", r"(?<=a)b", r"(a)\1"])
def test_a_pattern_that_does_not_compile_is_refused(pattern: str) -> None:
    error = refused(RegexOutput(kind="regex", pattern=pattern))
    assert error.message.startswith("the pattern cannot be used: ")


@pytest.mark.parametrize(
    ("grammar", "right", "wrong"),
    [
        ('start: "a" | "b"', "b", "ab"),
        (
            'start: greeting " " name\ngreeting: "hello" | "grüß dich"\nname: /[a-zäöü]+/',
            "grüß dich jürgen",
            "hi jürgen",
        ),
        ('root ::= "yes" | "no"', "no", "none"),
        ('start: "(" start ")" | "x"', "((x))", "((x)"),
        ('start: "日本" /[ぁ-ん]*/', "日本です", "日本desu"),
    ],
)
def test_a_grammar_derives_the_whole_text(grammar: str, right: str, wrong: str) -> None:
    contract = GrammarOutput(kind="grammar", grammar=grammar)
    assert holds(contract, right)
    assert not holds(contract, wrong)


@pytest.mark.parametrize(
    "grammar", ["nonsense (", "start: foo", 'start: "a', "root ::= missing", "start: /(/"]
)
def test_a_grammar_that_does_not_compile_is_refused(grammar: str) -> None:
    error = refused(GrammarOutput(kind="grammar", grammar=grammar))
    assert error.message.startswith("the grammar cannot be used: ")


def test_an_object_is_any_object() -> None:
    contract = JsonObjectOutput(kind="json_object")
    assert holds(contract, '{"a":[1]}')
    for wrong in ("[]", "1", "{", "", '{"a":NaN}', '{"a":1,"a":2}', '{"a":"\\ud800"}'):
        assert not holds(contract, wrong)


INTEGER = {"type": "integer"}
PROVEN: list[tuple[dict[str, Any] | bool, str, str]] = [
    ({"type": "number", "multipleOf": 3}, "9", "10"),
    ({"type": "number", "multipleOf": 0.01}, "1248.5", "1248.505"),
    ({"type": "string", "format": "date"}, '"2026-02-28"', '"2026-02-30"'),
    ({"type": "string", "format": "date-time"}, '"2026-01-14T10:00:00Z"', '"2026-01-14T25:00:00Z"'),
    ({"type": "string", "format": "email"}, '"a@b.example"', '"a b"'),
    ({"type": "string", "format": "uuid"}, '"123e4567-e89b-12d3-a456-426614174000"', '"123"'),
    ({"type": "string", "minLength": 2, "maxLength": 3}, '"äöü"', '"äöüß"'),
    ({"type": "string", "pattern": "^[a-z]+$"}, '"abc"', '"abc1"'),
    ({"type": "array", "items": INTEGER, "minItems": 1, "maxItems": 2}, "[1,2]", "[1,2,3]"),
    ({"type": "array", "prefixItems": [INTEGER, {"type": "string"}], "items": False}, '[1,"a"]', '["a",1]'),
    ({"type": "object", "properties": {"a": INTEGER}, "required": ["a"]}, '{"a":1}', "{}"),
    ({"type": "object", "properties": {"a": INTEGER}, "additionalProperties": False}, "{}", '{"b":1}'),
    ({"enum": ["a", 1, None]}, "null", '"b"'),
    ({"const": {"a": [1]}}, '{"a":[1]}', '{"a":[2]}'),
    ({"anyOf": [INTEGER, {"type": "string"}]}, '"x"', "1.5"),
    ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer", "minimum": 5}}}, "5", "4"),
    (
        {"type": "object", "properties": {"next": {"$ref": "#"}, "v": INTEGER}},
        '{"next":{"v":1}}',
        '{"next":{"v":"1"}}',
    ),
    (
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "type": "integer",
            "minimum": 5,
            "exclusiveMinimum": True,
        },
        "6",
        "5",
    ),
    ({"type": "array", "items": INTEGER, "uniqueItems": True}, "[1,2]", "[1,1]"),
    ({"not": {"type": "string"}}, "1", '"a"'),
    ({"if": INTEGER, "then": {"minimum": 5}}, "5", "4"),
    ({"type": "array", "contains": INTEGER}, '["a",1]', '["a"]'),
    ({"type": "string", "pattern": "(?<=a)b"}, '"ab"', '"cb"'),
    ({"items": [INTEGER], "additionalItems": False}, "[1]", "[1,2]"),
    ({"dependencies": {"a": ["b"]}}, '{"a":1,"b":2}', '{"a":1}'),
    ({"minimum": 5, "exclusiveMinimum": True}, "6", "5"),
    ({"dependentSchemas": {"a": {"required": ["b"]}}}, "{}", '{"a":1}'),
    (
        {"allOf": [{"properties": {"a": INTEGER}}], "unevaluatedProperties": False},
        '{"a":1}',
        '{"a":1,"b":2}',
    ),
    ({"maximum": 10**30}, str(10**30), str(10**30 + 1)),
    (True, "null", "nul"),
]


@pytest.mark.parametrize(("schema", "right", "wrong"), PROVEN, ids=lambda case: str(case)[:60])
def test_a_keyword_that_is_taken_is_proven(schema: dict[str, Any] | bool, right: str, wrong: str) -> None:
    assert holds(schema_output(schema), right)
    assert not holds(schema_output(schema), wrong)


def test_a_violation_points_to_its_place() -> None:
    schema = {"type": "object", "properties": {"a/b": {"type": "array", "items": {"type": "integer"}}}}
    (found,) = verifier_of(schema_output(schema))('{"a/b":[1,"x"]}')
    assert (found.pointer, found.keyword, found.kind) == ("/a~1b/1", "type", ViolationKind.SCHEMA)
    assert "integer" in found.message


def test_violations_are_bounded() -> None:
    verify = verifier_of(schema_output({"type": "array", "items": {"type": "integer"}}))
    assert len(verify("[" + ",".join(['"x"'] * 100) + "]")) == MAX_VIOLATIONS


def test_huge_integers_are_compared_as_they_are() -> None:
    contract = schema_output({"type": "integer", "maximum": 10})
    assert not holds(contract, "9" * 100)
    assert holds(contract, "-" + "9" * 100)
