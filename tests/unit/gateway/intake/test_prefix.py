"""A streamed answer is stopped at the byte that spoils it, and never for another reason."""

from __future__ import annotations

import json
from typing import Any

import llguidance
import pytest
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from gateway.intake.prefix import MAX_BYTES, PrefixCheck

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
    "required": ["id", "name"],
    "additionalProperties": False,
}


def of_schema(schema: Any) -> PrefixCheck:
    return PrefixCheck.for_grammar(LLMatcher.grammar_from_json_schema(schema))


def found(check: PrefixCheck, *deltas: str) -> list[str | None]:
    return [check.feed(delta) for delta in deltas]


def test_an_answer_that_keeps_its_schema_passes_to_its_end() -> None:
    assert found(of_schema(SCHEMA), '{"id"', ":", "", "12", ',"name":"Jö', 'rg"}') == [None] * 6


def test_the_wrong_byte_is_named_where_it_comes_and_ever_after() -> None:
    reason = "cannot become valid from byte 6"
    assert found(of_schema(SCHEMA), '{"id":', '"12",', '"name":"x"}') == [None, reason, reason]


def test_offsets_count_bytes() -> None:
    assert found(of_schema(SCHEMA), '{"id":1,"name":"ä"', "]") == [None, "cannot become valid from byte 19"]


def test_text_after_the_end_is_a_fault() -> None:
    assert found(of_schema(SCHEMA), '{"id":1,"name":""}', "{") == [None, "cannot become valid from byte 18"]


def test_keys_in_another_order_break_a_grammar_and_are_any_json() -> None:
    text = '{"name":"x","id":1}'
    assert of_schema(SCHEMA).feed(text) == "cannot become valid from byte 2"
    assert PrefixCheck.for_any_json().feed(text) is None


@pytest.mark.parametrize(
    ("grammar", "good", "bad", "byte"),
    [
        (llguidance.grammar_from("regex", "[a-z]{3}-[0-9]+"), "abc-1", "abc_", 3),
        (llguidance.grammar_from("regex", "red|green"), "gre", "grew", 3),
        (llguidance.grammar_from("grammar", 'start: "(" start ")" | "x"\n'), "((x", "((x(", 3),
    ],
)
def test_patterns_and_grammars(grammar: str, good: str, bad: str, byte: int) -> None:
    assert PrefixCheck.for_grammar(grammar).feed(good) is None
    assert PrefixCheck.for_grammar(grammar).feed(bad) == f"cannot become valid from byte {byte}"


@pytest.mark.parametrize(
    "text",
    [
        ' \r\n\t{ "a" :\t[ 1 , -0.5E+3 ,\n true , null ] }\n\n',
        '"\\/ \\b\\f\\n\\r\\t \\u00e9 \\ud83d\\ude00 \x7f\u2028"',
        '{"a":1,"a":2}',
        "[" * 500 + "]" * 500,
        "  12",
        "[]",
        "{ }",
    ],
)
def test_json_of_any_layout(text: str) -> None:
    assert found(PrefixCheck.for_any_json(), *text) == [None] * len(text)
    json.loads(text)


@pytest.mark.parametrize(
    ("text", "byte"),
    [
        ("Here is the JSON: {}", 0),
        ("```json", 0),
        ("{'a': 1}", 1),
        ('{"a": 1,}', 8),
        ("[1, NaN]", 4),
        ("[01]", 2),
        ('"a\nb"', 2),
        ('"\\x41"', 2),
        ('{"a": 1} {', 9),
        ("\ufeff{}", 0),
    ],
)
def test_what_is_no_json(text: str, byte: int) -> None:
    check = PrefixCheck.for_any_json()
    reasons = found(check, *text)
    assert reasons[len(text.encode()[:byte].decode())] == f"cannot become valid from byte {byte}"
    assert reasons.count(None) == len(text.encode()[:byte].decode())


def test_half_a_surrogate_pair_is_a_fault() -> None:
    reason = PrefixCheck.for_any_json().feed('"\ud83d"')
    assert reason == "cannot become valid from byte 2"


@pytest.mark.parametrize(
    "limits", [{"max_items_in_row": 2}, {"max_grammar_size": 3}, {"initial_lexer_fuel": 5}], ids=str
)
def test_a_limit_of_the_matcher_switches_the_check_off(limits: dict[str, int]) -> None:
    grammar = llguidance.grammar_from("grammar", 'start: a | b\na: "x" start | "y"\nb: "x" b | "z"\n')
    matcher = LLMatcher(LLTokenizer("byte"), grammar, log_level=0, limits=LLParserLimits(**limits))
    check = PrefixCheck(matcher)
    assert found(check, "xx", "no such word") == [None, None]
    assert not check.is_on


@pytest.mark.parametrize(
    "grammar",
    [
        "this is no grammar",
        LLMatcher.grammar_from_json_schema({"type": "no such type"}),
        llguidance.grammar_from("grammar", 'start: word "."\nword[max_tokens=2]: /[a-z]+/\n'),
        llguidance.grammar_from("grammar", 'start: "a" <[65]> "b"\n'),
        llguidance.grammar_from("grammar", 'start: "a" <|tool|>\n'),
    ],
)
def test_a_grammar_that_bytes_cannot_follow_is_not_checked(grammar: str) -> None:
    check = PrefixCheck.for_grammar(grammar)
    assert found(check, "answers", "\x01") == [None, None]
    assert not check.is_on


def test_a_long_answer_is_not_checked_to_its_end() -> None:
    check = PrefixCheck.for_any_json()
    assert check.feed('"' + "a" * (MAX_BYTES - 1)) is None
    assert check.is_on
    assert check.feed("\x01") is None
    assert not check.is_on
    assert PrefixCheck.for_any_json().feed("x" * (MAX_BYTES + 1)) is None


def test_copies_for_other_answers_share_nothing() -> None:
    kept = of_schema(SCHEMA)
    first, second = kept.fresh(), kept.fresh()
    assert first.feed("[") == "cannot become valid from byte 0"
    assert found(second, '{"id":', "1") == [None, None]
    assert kept.fresh().feed("{") is None
    assert PrefixCheck.for_grammar("no grammar").fresh().feed("[") is None
    with pytest.raises(ValueError, match="cannot be copied"):
        second.fresh()
