"""Output contracts: what is refused, what is proven, and what is kept."""

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
from gateway.conformance import ContractCompiler, compile_contract
from gateway.conformance.compiled import MAX_VIOLATIONS, Violation
from gateway.errors import SchemaUnsupportedError
from tests.unit.gateway.fakes import schema_output


def holds(contract: OutputContract, text: str) -> bool:
    return compile_contract(contract).verify(text) == ()


def refused(contract: OutputContract) -> SchemaUnsupportedError:
    with pytest.raises(SchemaUnsupportedError) as caught:
        compile_contract(contract)
    assert (caught.value.status, caught.value.code) == (400, "schema_unsupported")
    return caught.value


def test_text_promises_nothing() -> None:
    assert holds(TextOutput(), "")


def test_a_choice_is_one_of_the_labels_to_the_letter() -> None:
    choice = ChoiceOutput(kind="choice", choices=("yes", "no", "größer"))
    assert holds(choice, "yes")
    assert holds(choice, "größer")
    for wrong in ("", "Yes", "yes ", "yesno", "maybe", "gro\u0308ßer"):
        assert compile_contract(choice).verify(wrong) == (Violation("", "is not one of the choices"),)


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
    found = compile_contract(RegexOutput(kind="regex", pattern="é+")).verify("éx")
    assert found == (Violation("", "does not match the pattern (from byte 2)"),)


@pytest.mark.parametrize("pattern", ["(a", "[", "a{2", "*", r"(?<=a)b", r"(a)\1"])
def test_a_pattern_that_does_not_compile_is_refused(pattern: str) -> None:
    error = refused(RegexOutput(kind="regex", pattern=pattern))
    assert error.message.startswith("the pattern cannot be constrained: ")
    assert error.param == "structured_outputs"


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
    assert error.message.startswith("the grammar cannot be ")
    assert error.param == "structured_outputs"


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
    (True, "null", "nul"),
]


@pytest.mark.parametrize(("schema", "right", "wrong"), PROVEN, ids=lambda case: str(case)[:60])
def test_a_keyword_that_is_taken_is_proven(schema: dict[str, Any] | bool, right: str, wrong: str) -> None:
    assert holds(schema_output(schema), right)
    assert not holds(schema_output(schema), wrong)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": INTEGER, "uniqueItems": True},
        {"not": {"type": "string"}},
        {"if": INTEGER, "then": {"minimum": 5}},
        {"type": "array", "contains": INTEGER},
        {"type": "string", "format": "no-such-format"},
        {"type": "string", "pattern": "(?<=a)b"},
        {"enum": []},
        False,
    ],
    ids=str,
)
def test_what_no_grammar_can_force_is_refused_and_not_half_done(schema: dict[str, Any] | bool) -> None:
    assert refused(schema_output(schema)).param == "response_format"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"minLength": -1},
        {"properties": []},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "other.json"},
        {"$schema": "urn:unknown", "type": "object"},
        {"pattern": "("},
        {"const": "\ud800"},
    ],
    ids=str,
)
def test_a_schema_that_is_none_is_refused(schema: dict[str, Any]) -> None:
    error = refused(schema_output(schema))
    assert error.message.startswith("the schema ")
    assert len(error.message) < 600


def test_a_violation_points_to_its_place() -> None:
    schema = {"type": "object", "properties": {"a/b": {"type": "array", "items": {"type": "integer"}}}}
    (found,) = compile_contract(schema_output(schema)).verify('{"a/b":[1,"x"]}')
    assert found.pointer == "/a~1b/1"
    assert "integer" in found.message


def test_violations_are_bounded() -> None:
    contract = compile_contract(schema_output({"type": "array", "items": {"type": "integer"}}))
    assert len(contract.verify("[" + ",".join(['"x"'] * 100) + "]")) == MAX_VIOLATIONS


def test_huge_integers_are_compared_as_they_are() -> None:
    contract = schema_output({"type": "integer", "maximum": 10})
    assert not holds(contract, "9" * 100)
    assert holds(contract, "-" + "9" * 100)


async def test_a_contract_is_compiled_once_by_its_content() -> None:
    compiler = ContractCompiler()
    first = await compiler.compile(RegexOutput(kind="regex", pattern="a"))
    assert await compiler.compile(RegexOutput(kind="regex", pattern="a")) is first
    assert await compiler.compile(RegexOutput(kind="regex", pattern="b")) is not first
    compiler.close()


async def test_contracts_of_other_kinds_with_the_same_text_are_told_apart() -> None:
    compiler = ContractCompiler()
    regex = await compiler.compile(RegexOutput(kind="regex", pattern="a+"))
    choice = await compiler.compile(ChoiceOutput(kind="choice", choices=("a+",)))
    assert (regex.verify("aa"), choice.verify("a+")) == ((), ())
    compiler.close()


async def test_at_the_bound_the_least_recently_used_is_dropped() -> None:
    compiler = ContractCompiler(capacity=2)

    def pattern(text: str) -> RegexOutput:
        return RegexOutput(kind="regex", pattern=text)

    a = await compiler.compile(pattern("a"))
    b = await compiler.compile(pattern("b"))
    assert await compiler.compile(pattern("a")) is a
    await compiler.compile(pattern("c"))
    assert await compiler.compile(pattern("a")) is a
    assert await compiler.compile(pattern("b")) is not b
    compiler.close()


async def test_a_contract_that_is_refused_is_refused_every_time() -> None:
    compiler = ContractCompiler()
    for _ in range(2):
        with pytest.raises(SchemaUnsupportedError):
            await compiler.check(schema_output({"type": "nonsense"}))
    compiler.close()


async def test_a_compilation_over_its_time_is_refused() -> None:
    compiler = ContractCompiler(timeout_seconds=0)
    with pytest.raises(SchemaUnsupportedError, match="took over 0 s to compile"):
        await compiler.compile(schema_output({"enum": [str(number) for number in range(5000)]}))
    compiler.close()
