"""What intake says of a contract: forced, verified or refused, and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llguidance import LLMatcher

from contracts.canonical import JsonForm
from contracts.output import GrammarOutput, RegexOutput
from gateway.engines._payload import laid_out
from gateway.intake.compiled import forced_of
from gateway.intake.limits import Limits
from gateway.intake.prefix import PrefixCheck
from gateway.intake.verdict import Verdict, VerdictKind
from gateway.intake.vet import vet
from tests.unit.gateway.fakes import schema_output

INTEGER = {"type": "integer"}
NODE = {
    "type": "object",
    "properties": {"value": INTEGER, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["value", "next"],
}


def refusal(schema: Any, limits: Limits | None = None) -> tuple[str, str, str]:
    verdict = vet(schema_output(schema), limits or Limits())
    assert verdict.kind is VerdictKind.REFUSED
    (fault,) = verdict.unsupported
    assert fault.reason
    return verdict.code, fault.pointer, fault.keyword


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "object", "properties": {"a": INTEGER}, "required": ["a"], "additionalProperties": False},
        {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
        {"type": "string", "format": "no-such-format"},
        {"type": "string", "format": "date"},
        {"items": [INTEGER], "additionalItems": False, "type": "array"},
        {"$ref": "#leaf", "$defs": {"leaf": {"$anchor": "leaf", "type": "integer"}}},
        {
            "$id": "https://a.example/x",
            "$ref": "y#/$defs/n",
            "$defs": {"b": {"$id": "y", "$defs": {"n": INTEGER}}},
        },
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"n": INTEGER},
            "$ref": "#/definitions/n",
        },
    ],
    ids=str,
)
def test_what_the_grammar_forces_is_constrained(schema: Any) -> None:
    verdict = vet(schema_output(schema))
    assert (verdict.kind, verdict.unsupported, verdict.edits) == (VerdictKind.CONSTRAINED, (), ())


def accepted_by_the_engine(schema: Any) -> bool:
    """Whether the grammar library takes what the engine is sent, in the layout that it is sent in."""
    contract = schema_output(schema)
    sent = laid_out(forced_of(contract, vet(contract)).json_schema, JsonForm.COMPACT)  # type: ignore[union-attr]
    return LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(json.dumps(sent))) == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "no-such-format"},
        {
            "$recursiveAnchor": True,
            "properties": {"a": {"$recursiveRef": "#"}, "b": {"$recursiveAnchor": True}},
        },
        {"type": "object", "properties": {"c": INTEGER, "b": INTEGER}, "minProperties": 2},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=x)"}}},
        {"x-guidance": {"nonsense": True}, "type": "integer"},
        {"x-guidance": {"whitespace_pattern": "x*"}, "type": "object"},
    ],
    ids=str,
)
def test_what_is_sent_is_what_was_vetted(schema: Any) -> None:
    assert accepted_by_the_engine(schema)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "number", "multipleOf": 0.25}, "2.5"),
        ({"type": "number", "multipleOf": 0.01}, "-1"),
        ({"type": "integer", "minimum": 9007199254740993}, "9007199254740993"),
        ({"type": "object", "properties": {"c": {}, "b": {}}, "minProperties": 2}, '{"c":1,"b":2}'),
        (
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "$ref": "#/definitions/x",
                "maximum": -1,
                "definitions": {"x": {"type": "integer"}},
            },
            "5",
        ),
    ],
    ids=str,
)
def test_the_grammar_forbids_nothing_that_the_schema_allows(schema: Any, text: str) -> None:
    verdict = vet(schema_output(schema))
    assert verdict.grammar is not None
    assert PrefixCheck.for_grammar(verdict.grammar).feed(text) is None


@pytest.mark.parametrize(
    ("schema", "left_out"),
    [
        ({"type": "array", "items": INTEGER, "uniqueItems": True}, ["/uniqueItems"]),
        ({"not": {"type": "string"}}, ["/not"]),
        ({"if": INTEGER, "then": {"minimum": 5}}, ["/if", "/then"]),
        (
            {"type": "object", "properties": {"a": {"type": "array", "contains": INTEGER}}},
            ["/properties/a/contains"],
        ),
        ({"type": "string", "pattern": "(?<=a)b"}, ["/pattern"]),
        ({"type": "string", "format": "idn-email"}, ["/format"]),
        ({"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]}, ["/oneOf"]),
        ({"type": "integer", "minimum": 10**40}, ["/minimum"]),
        (
            {"type": "object", "patternProperties": {"(?=a)": INTEGER}, "additionalProperties": False},
            ["/additionalProperties", "/patternProperties"],
        ),
        ({"type": "object", "unevaluatedProperties": False}, ["/unevaluatedProperties"]),
    ],
    ids=str,
)
def test_what_it_cannot_force_is_named_and_left_to_verification(schema: Any, left_out: list[str]) -> None:
    verdict = vet(schema_output(schema))
    assert verdict.kind is VerdictKind.PARTLY
    assert sorted(item.pointer for item in verdict.unsupported) == left_out
    forced = forced_of(schema_output(schema), verdict)
    text = json.dumps(forced.json_schema)  # type: ignore[union-attr]
    assert LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(text)) == ""


def test_the_part_that_is_forced_allows_what_the_whole_allows() -> None:
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^(?!X)[A-Z]+$"},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        },
        "required": ["id", "tags"],
        "additionalProperties": False,
    }
    verdict = vet(schema_output(schema))
    assert verdict.grammar is not None
    for text, is_forbidden in {
        '{"id":"AB","tags":["a","b"]}': False,
        '{"id":"XA","tags":["a","a"]}': False,  # for verification to find
        '{"id":1,': True,
        '{"tags"': True,
    }.items():
        assert (PrefixCheck.for_grammar(verdict.grammar).feed(text) is not None) is is_forbidden


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (False, ("schema_unsatisfiable", "", "")),
        ({"enum": []}, ("schema_unsatisfiable", "/enum", "enum")),
        ({"type": "nonsense"}, ("schema_invalid", "/type", "type")),
        (
            {"properties": {"a": {"minLength": -1}}},
            ("schema_invalid", "/properties/a/minLength", "minLength"),
        ),
        ({"properties": []}, ("schema_invalid", "/properties", "properties")),
        ({"type": "string", "pattern": "("}, ("schema_invalid", "/pattern", "pattern")),
        ({"$ref": "#/$defs/none"}, ("schema_reference_unknown", "/$ref", "$ref")),
        (
            {"items": {"$ref": "https://example.com/s.json"}},
            ("schema_reference_unknown", "/items/$ref", "$ref"),
        ),
        ({"$ref": "file:///etc/passwd"}, ("schema_reference_unknown", "/$ref", "$ref")),
        ({"$ref": "other.json"}, ("schema_reference_unknown", "/$ref", "$ref")),
        ({"$ref": 5}, ("schema_reference_unknown", "/$ref", "$ref")),
        ({"$schema": "urn:unknown", "type": "object"}, ("schema_dialect_unknown", "/$schema", "$schema")),
        ({"$ref": "#"}, ("schema_without_base_case", "", "$ref")),
        (
            {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
            ("schema_without_base_case", "", "$ref"),
        ),
        (
            {"type": "object", "required": ["a"], "additionalProperties": False},
            ("schema_unsatisfiable", "", ""),
        ),
        ({"type": "array", "minItems": 10**8}, ("schema_too_large", "/minItems", "minItems")),
        ({"properties": {"a" * 5000: {}}}, ("schema_too_large", "/properties", "properties")),
        ({"type": "string", "pattern": "a" * 5000}, ("schema_too_large", "/pattern", "pattern")),
        ({"enum": [str(n) for n in range(20_000)]}, ("schema_too_large", "/enum", "enum")),
    ],
    ids=lambda case: str(case)[:60],
)
def test_a_refusal_says_what_and_where(schema: Any, expected: tuple[str, str, str]) -> None:
    assert refusal(schema) == expected


def test_what_is_taken_out_below_and_above_a_place_fits_together() -> None:
    halves = [{"pattern": "^(.*a){10}"}, {"pattern": "(b.*){10}$"}, {"pattern": "^.{3,300}$"}]
    field = {"type": "string", "allOf": [*halves, {"pattern": "(?=x)"}]}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {"b": field}}},
    }
    verdict = vet(schema_output(schema))
    assert verdict.kind is VerdictKind.PARTLY
    paths = [edit.path for edit in verdict.edits]
    assert len(paths) > 1
    assert paths == sorted(paths, key=len, reverse=True)
    forced = forced_of(schema_output(schema), verdict).json_schema
    assert forced["properties"]["a"]["properties"]["b"] == {"type": "string"}  # type: ignore[index]


def test_references_that_multiply_are_refused() -> None:
    definitions: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(40)
    }
    definitions["d40"] = INTEGER
    assert refusal({"$defs": definitions, "$ref": "#/$defs/d0"}) == ("schema_too_large", "", "$ref")


def test_a_grammar_whose_steps_would_hold_up_the_engine_is_not_forced() -> None:
    definitions: dict[str, Any] = {
        f"d{n}": {
            "anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"type": "object", "properties": {f"k{n}": INTEGER}}]
        }
        for n in range(14)
    }
    definitions["d14"] = INTEGER
    verdict = vet(schema_output({"$defs": definitions, "allOf": [{"$ref": "#/$defs/d0"}] * 3}))
    assert (verdict.kind, verdict.edits[0].keywords) == (VerdictKind.PARTLY, ("allOf",))


def test_recursion_is_proven_elsewhere_than_on_the_event_loop() -> None:
    assert vet(schema_output(INTEGER)).is_cheap
    assert not vet(schema_output({"$defs": {"node": NODE}, "$ref": "#/$defs/node"})).is_cheap
    assert not vet(RegexOutput(kind="regex", pattern="a+")).is_cheap


@pytest.mark.parametrize("pattern", ["(a", "[", "a{2", "*", r"(?<=a)b", r"(a)\1"])
def test_a_pattern_that_does_not_compile_is_refused(pattern: str) -> None:
    verdict = vet(RegexOutput(kind="regex", pattern=pattern))
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, "grammar_invalid")


def test_a_grammar_that_does_not_compile_is_refused() -> None:
    verdict = vet(GrammarOutput(kind="grammar", grammar="start: foo"))
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, "grammar_invalid")


def test_a_verdict_survives_the_pipe() -> None:
    for schema in ({"not": INTEGER, "pattern": "(?=a)"}, INTEGER, {"type": "nonsense"}):
        verdict = vet(schema_output(schema))
        assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
