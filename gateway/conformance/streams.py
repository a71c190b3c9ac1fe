"""A check of what a stream has said so far: what cannot become valid any more is stopped at once."""

from __future__ import annotations

import json
from collections import OrderedDict

import llguidance

from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
)
from gateway.conformance.failure import INVALID, Failure
from gateway.conformance.judging import Promise
from gateway.intake.compiled import Compiled
from gateway.intake.grammar import grammar_of
from gateway.intake.prefix import PrefixCheck
from gateway.intake.vet import llguidance_grammar
from gateway.intake.violation import Violation, ViolationKind
from gateway.records import Delta

MAX_TEMPLATES = 128
MAX_SCHEMA_BYTES = 16_384
"""A larger contract's grammar takes too long to build while others wait; its end is proven all the same."""


class StreamCheck:
    """Reads the deltas of one reply, each choice by itself."""

    def __init__(self, template: PrefixCheck | None) -> None:
        self._template = template
        self._choices: dict[int, PrefixCheck] = {}

    def feed(self, delta: Delta) -> Failure | None:
        """Read on; a failure says that the choice cannot become valid."""
        if self._template is None or not delta.text:
            return None
        check = self._choices.get(delta.index)
        if check is None:
            check = self._choices[delta.index] = self._template.fresh()
        reason = check.feed(delta.text)
        return Failure(INVALID, (Violation("", reason, ViolationKind.FORMAT),)) if reason else None


class StreamChecks:
    """Makes the checks; the grammars of the last contracts are kept."""

    def __init__(self) -> None:
        self._templates: OrderedDict[tuple[str, bool], PrefixCheck] = OrderedDict()

    def of(self, promise: Promise, *, is_guarded: bool) -> StreamCheck:
        """A check for one reply. Only an engine that we guard writes keys in the schema's order."""
        compiled = promise.output
        if compiled is None or compiled.size_bytes > MAX_SCHEMA_BYTES:
            return StreamCheck(None)
        key = compiled.key, is_guarded
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = _template(compiled, is_guarded=is_guarded)
            if len(self._templates) > MAX_TEMPLATES:
                self._templates.popitem(last=False)
        self._templates.move_to_end(key)
        return StreamCheck(template)


def _template(compiled: Compiled, *, is_guarded: bool) -> PrefixCheck:
    contract: OutputContract = compiled.forced
    match contract:
        case JsonSchemaOutput(json_schema=schema) if is_guarded and isinstance(schema, dict):
            return PrefixCheck.for_grammar(grammar_of(schema, is_lenient=True, is_flexible=True))
        case JsonSchemaOutput() | JsonObjectOutput():
            return PrefixCheck.for_any_json()
        case ChoiceOutput(choices=choices):
            listed = " | ".join(llguidance_string(choice) for choice in choices)
            return PrefixCheck.for_grammar(llguidance_grammar(f"start: {listed}"))
        case RegexOutput(pattern=pattern):
            return PrefixCheck.for_grammar(llguidance.grammar_from("regex", pattern))
        case GrammarOutput(grammar=text):
            return PrefixCheck.for_grammar(llguidance_grammar(text))
        case _:
            return PrefixCheck(None)


def llguidance_string(text: str) -> str:
    """A text as a literal of a Lark grammar, which reads the escapes of JSON."""
    return json.dumps(text)
