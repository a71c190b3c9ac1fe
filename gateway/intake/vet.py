"""Vetting: what can be forced of a contract, what must be verified, and what is refused.

It may take long and much memory on a hostile contract: requests' own contracts are vetted in a worker
(`gateway.intake.workers`), and only what an operator wrote is vetted in the process itself.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
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
from gateway.errors import SchemaUnsupportedError
from gateway.intake.analysis import analyse, check_bounds
from gateway.intake.dialect import VALIDATORS, draft_of
from gateway.intake.grammar import OPTIONS, forced_part, grammar_of
from gateway.intake.limits import Limits, RefusedError
from gateway.intake.probe import ProbeError, probe
from gateway.intake.strict_rules import check_strict
from gateway.intake.verdict import Unsupported, Verdict, VerdictKind
from gateway.intake.walk import pointer

DEFAULT_LIMITS = Limits()


def vet(contract: OutputContract, limits: Limits = DEFAULT_LIMITS) -> Verdict:
    """Vet a contract in the caller's thread; never raises for what the contract holds."""
    started = time.perf_counter()
    try:
        verdict = _vetted(contract, limits)
    except RefusedError as error:
        fault = Unsupported(error.pointer, error.keyword, error.reason)
        verdict = Verdict(VerdictKind.REFUSED, error.code, (fault,))
    return replace(verdict, seconds=time.perf_counter() - started)


def check_contract(contract: OutputContract, limits: Limits = DEFAULT_LIMITS) -> Verdict:
    """Vet what an operator wrote, in the caller's thread.

    Raises:
        SchemaUnsupportedError: it is refused.
    """
    verdict = vet(contract, limits)
    if verdict.kind is VerdictKind.REFUSED:
        raise SchemaUnsupportedError(verdict.sentence(), param="output", details=verdict.details())
    return verdict


def _vetted(contract: OutputContract, limits: Limits) -> Verdict:
    match contract:
        case JsonSchemaOutput(json_schema=schema, strict=is_strict):
            return _vet_schema(schema, limits, is_strict=is_strict)
        case RegexOutput(pattern=pattern):
            return _vet_grammar(llguidance.grammar_from("regex", pattern), "the pattern", limits)
        case GrammarOutput(grammar=text):
            return _vet_grammar(llguidance_grammar(text), "the grammar", limits)
        case JsonObjectOutput():
            return Verdict(VerdictKind.CONSTRAINED, grammar=grammar_of({"type": "object"}))
        case ChoiceOutput(choices=choices):
            return Verdict(VerdictKind.CONSTRAINED, grammar=grammar_of({"enum": list(choices)}))
        case _:
            return Verdict(VerdictKind.CONSTRAINED)


def _vet_schema(schema: dict[str, Any] | bool, limits: Limits, *, is_strict: bool) -> Verdict:
    if schema is False:
        raise RefusedError("schema_unsatisfiable", "false allows no answer at all")
    check_size(schema, limits)
    # A client's own options for the grammar are not its schema: the gateway sets them.
    plain = {name: v for name, v in schema.items() if name != OPTIONS} if isinstance(schema, dict) else {}
    check_bounds(plain, limits)
    draft = draft_of(schema)
    build_seconds = _check_valid(schema, draft)
    if is_strict:
        check_strict(schema, limits.unsupported_listed)
    shape = analyse(plain, limits)
    forced = forced_part(plain, limits, draft)
    return Verdict(
        VerdictKind.PARTLY if forced.left_out else VerdictKind.CONSTRAINED,
        unsupported=forced.left_out,
        edits=forced.edits,
        draft=draft,
        is_lenient=forced.is_lenient,
        is_cheap=not shape.is_recursive
        and shape.expanded <= limits.cheap_subschemas
        and build_seconds <= limits.cheap_seconds,
        grammar=forced.grammar,
    )


def check_size(schema: dict[str, Any] | bool, limits: Limits) -> None:
    """Refuse by size alone, which costs little.

    Raises:
        RefusedError: the schema is over the bound.
    """
    size = len(json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    if size > limits.schema_bytes:
        raise RefusedError("schema_too_large", f"the schema is over {limits.schema_bytes} bytes")


def _check_valid(schema: dict[str, Any] | bool, draft: str) -> float:
    """Check the schema against its metaschema by building its validator; give the processor time of that."""
    started = time.thread_time()
    try:
        VALIDATORS[draft](schema, validate_formats=True, offline=True)
    except jsonschema_rs.ValidationError as error:
        path = list(error.instance_path)
        keyword = next((part for part in reversed(path) if isinstance(part, str)), "")
        raise RefusedError(
            "schema_invalid",
            f"the schema is not valid: {first_line(error)}",
            pointer=pointer(path),
            keyword=keyword,
        ) from error
    except jsonschema_rs.ReferencingError as error:
        raise RefusedError("schema_reference_unknown", first_line(error), keyword="$ref") from error
    except ValueError as error:
        raise RefusedError("schema_invalid", f"the schema is not valid: {first_line(error)}") from error
    return time.thread_time() - started


def _vet_grammar(grammar: str, what: str, limits: Limits) -> Verdict:
    is_error, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    if is_error:
        reason = "; ".join(line.strip() for line in messages)[:500]
        raise RefusedError("grammar_invalid", f"{what} cannot be used: {reason}")
    try:
        probe(grammar, limits)
    except ProbeError as error:
        raise RefusedError("grammar_too_costly", f"{what}: {error}") from error
    # A derivation can take long on a hostile grammar, so its proofs are never made on the event loop.
    return Verdict(VerdictKind.CONSTRAINED, is_cheap=False, grammar=grammar)


def llguidance_grammar(text: str) -> str:
    """Lark or GBNF as llguidance's own form.

    Raises:
        RefusedError: it is neither.
    """
    try:
        return str(llguidance.grammar_from("grammar", text))
    except ValueError as error:
        raise RefusedError("grammar_invalid", f"the grammar cannot be used: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """The first line of an error's text, bounded."""
    return str(error).split("\n", 1)[0][:500]
