"""Outlines' reading of a Python type as an output contract; `python_types` alone imports this."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from outlines.types.dsl import (
    CFG,
    Alternatives,
    Choice,
    JsonSchema,
    Regex,
    String,
    Term,
    python_types_to_terms,
    to_regex,
)

from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
)

_LARK_MARK = "%llguidance {}\n"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def contract_of(kind: Any) -> OutputContract:
    """Convert a type, or a term of Outlines' own language.

    Pydantic models, typed dicts, dataclasses and functions become a JSON schema; `Literal`, `Enum` and
    `Choice` a choice of labels; `CFG` a grammar; `dict` any JSON object; everything else a pattern.

    Raises:
        TypeError: Outlines knows no constraint for it.
        ValueError: what it gives cannot be a contract.
    """
    if kind is dict:  # Outlines gives a grammar of any JSON value here
        return JsonObjectOutput(kind="json_object")
    term = python_types_to_terms(kind)
    labels = _labels(term)
    if labels is not None:
        return ChoiceOutput(kind="choice", choices=tuple(dict.fromkeys(labels)))
    match term:
        case JsonSchema():
            if term.whitespace_pattern:
                raise ValueError("a whitespace_pattern is not kept: the gateway fixes the white space itself")
            return JsonSchemaOutput(kind="json_schema", json_schema=json.loads(term.schema))
        case CFG():
            return GrammarOutput(kind="grammar", grammar=_as_lark(term.definition))
        case Regex():
            return RegexOutput(kind="regex", pattern=term.pattern)
    return RegexOutput(kind="regex", pattern=to_regex(term))


def _labels(term: Term) -> list[str] | None:
    """The texts between which a term chooses; None where it allows anything that is not listed."""
    if not isinstance(term, Alternatives | Choice | String):
        return None
    found = [_text(leaf) for leaf in _leaves(term)]
    return None if None in found else [label for label in found if label is not None]


def _leaves(term: Term) -> Iterator[Term]:
    match term:
        case Alternatives():
            for inner in term.terms:
                yield from _leaves(inner)
        case Choice():
            for item in term.items:
                yield from _leaves(python_types_to_terms(item))
        case _:
            yield term


def _text(term: Term) -> str | None:
    """The one text of a term. Outlines writes numbers and booleans as patterns with every mark escaped."""
    if isinstance(term, String):
        return str(term.value)
    if not isinstance(term, Regex):
        return None
    text = _ESCAPED.sub(r"\1", term.pattern)
    return text if re.escape(text) == term.pattern else None


def _as_lark(grammar: str) -> str:
    """Mark Lark as such: llguidance takes a grammar whose first rule is `?start` for GBNF."""
    return grammar if "::=" in grammar or grammar.startswith("%llguidance") else _LARK_MARK + grammar
