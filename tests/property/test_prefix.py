"""The check of a streamed answer: however it is cut, a valid one passes and no fault is found too early."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
from hypothesis import assume, given
from hypothesis import strategies as st
from llguidance import LLMatcher

from contracts.canonical import canonical_json
from gateway.intake.prefix import PrefixCheck
from tests.property.strategies import JSON, SCHEMAS, instances

Case = tuple[PrefixCheck, str]


def keeps(schema: dict[str, Any], value: Any) -> bool:
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(value)


def in_order(schema: dict[str, Any], value: Any) -> Any:
    """The value with the keys of its objects in the schema's order."""
    if "anyOf" in schema:
        return in_order(next(option for option in schema["anyOf"] if keeps(option, value)), value)
    if isinstance(value, dict):
        return {name: in_order(schema["properties"][name], value[name]) for name in schema["properties"]}
    if isinstance(value, list):
        return [in_order(schema["items"], item) for item in value]
    return value


@st.composite
def of_a_schema(draw: st.DrawFn) -> Case:
    """A schema's check, and an answer that keeps the schema, in its order of keys."""
    schema: dict[str, Any] = draw(SCHEMAS)
    value = draw(instances(schema))
    assume(keeps(schema, value))
    grammar = LLMatcher.grammar_from_json_schema(schema)
    assume(not LLMatcher.validate_grammar(grammar))
    return PrefixCheck.for_grammar(grammar), canonical_json(in_order(schema, value))


@st.composite
def of_any_json(draw: st.DrawFn) -> Case:
    """The check for any layout, and JSON in some layout."""
    text = json.dumps(
        draw(JSON),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, 2, "\t"])),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")])),
    )
    space = st.text(" \t\r\n", max_size=3)
    return PrefixCheck.for_any_json(), draw(space) + text + draw(space)


CASES = of_a_schema() | of_any_json()


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """Some cut of a text."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(CASES, st.data())
def test_a_valid_answer_passes_however_it_is_cut(case: Case, data: st.DataObject) -> None:
    check, text = case
    assert all(check.feed(piece) is None for piece in data.draw(pieces(text)))
    assert check.is_on


@given(CASES, st.data())
def test_a_byte_that_no_json_holds_is_named_with_its_place(case: Case, data: st.DataObject) -> None:
    check, text = case
    at = data.draw(st.integers(0, len(text)))
    broken = text[:at] + "\x01" + text[at:]
    offset = 0
    for piece in data.draw(pieces(broken)):
        offset += len(piece)
        reason = check.feed(piece)
        # The piece that holds the wrong character is the first that is answered.
        expected = f"cannot become valid from byte {len(text[:at].encode())}"
        assert reason == (expected if offset > at else None)


@given(CASES, st.characters(exclude_categories=["Cs"]), st.data())
def test_no_fault_is_found_before_the_first_change(case: Case, char: str, data: st.DataObject) -> None:
    check, text = case
    at, taken = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 2))
    broken = text[:at] + char + text[at + taken :]
    reasons = [reason for piece in data.draw(pieces(broken)) if (reason := check.feed(piece))]
    if reasons:
        assert int(reasons[0].rsplit(" ", 1)[1]) >= len(text[:at].encode())
