"""What proves an answer: the whole contract, whatever the grammar has forced of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import llguidance
from llguidance import LLMatcher

from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
)
from gateway.intake.dialect import VALIDATORS, draft_of
from gateway.intake.probe import byte_tokenizer
from gateway.intake.strict_json import StrictJsonError, loads
from gateway.intake.vet import llguidance_grammar
from gateway.intake.violation import Violation, ViolationKind
from gateway.intake.walk import pointer

MAX_VIOLATIONS = 20
MAX_MESSAGE_CHARS = 300
BACKTRACKS = 50_000
"""Steps of one look-around or back-reference match; over it the match counts as a violation."""

Verify = Callable[[str], tuple[Violation, ...]]


def verifier_of(contract: OutputContract) -> Verify:
    """Make the proof of a contract that intake has not refused; no violations are a proof.

    Raises:
        ValueError: it was never vetted, and does not compile.
    """
    match contract:
        case JsonSchemaOutput(json_schema=schema):
            return _schema_verifier(schema)
        case JsonObjectOutput():
            return _schema_verifier({"type": "object"})
        case ChoiceOutput(choices=choices):
            return _choice_verifier(choices)
        case RegexOutput(pattern=pattern):
            return _grammar_verifier(llguidance.grammar_from("regex", pattern), "pattern")
        case GrammarOutput(grammar=grammar):
            return _grammar_verifier(llguidance_grammar(grammar), "grammar")
        case _:
            return lambda _: ()


def _schema_verifier(schema: dict[str, Any] | bool) -> Verify:
    validator = VALIDATORS[draft_of(schema)](
        schema,
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS),
    )

    def verify(text: str) -> tuple[Violation, ...]:
        try:
            value = loads(text)
        except StrictJsonError as error:
            return (Violation("", str(error), ViolationKind.JSON),)
        found: list[Violation] = []
        try:
            for fault in validator.iter_errors(value):
                found.append(_violation(fault))
                if len(found) == MAX_VIOLATIONS:
                    break
        except ValueError as error:  # the validator's own bound on depth
            found.append(Violation("", str(error)[:MAX_MESSAGE_CHARS]))
        return tuple(found)

    return verify


def _violation(fault: jsonschema_rs.ValidationError) -> Violation:
    keyword = next((part for part in reversed(fault.schema_path) if isinstance(part, str)), "")
    return Violation(pointer(fault.instance_path), fault.message[:MAX_MESSAGE_CHARS], keyword=keyword)


def _choice_verifier(choices: tuple[str, ...]) -> Verify:
    allowed = frozenset(choices)
    fault = (Violation("", "is not one of the choices", ViolationKind.FORMAT, "choice"),)
    return lambda text: () if text in allowed else fault


def _grammar_verifier(grammar: str, what: str) -> Verify:
    """Match bytes with the engine's own matcher, so that both sides read the syntax alike."""

    def verify(text: str) -> tuple[Violation, ...]:
        data = list(text.encode("utf-8", "replace"))
        matcher = LLMatcher(byte_tokenizer(), grammar, log_level=0)
        taken = matcher.try_consume_tokens(data)
        if taken == len(data) and matcher.is_accepting():
            return ()
        message = f"does not match the {what} (from byte {taken})"
        return (Violation("", message, ViolationKind.FORMAT, what),)

    return verify
