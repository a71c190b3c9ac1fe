"""Whether an engine is sent the grammar that was vetted; any other is one that nobody has tried."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from llguidance import LLMatcher
from pydantic import ValidationError

from contracts.canonical import JsonForm
from contracts.output import JsonSchemaOutput
from gateway.engines._payload import laid_out
from gateway.intake.compiled import forced_of
from gateway.intake.verdict import VerdictKind
from gateway.intake.vet import vet


def differing(schemas: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Name the schemas that are taken and whose engine would refuse them, or force something else."""
    found: dict[str, str] = {}
    for name, schema in schemas:
        try:
            contract = JsonSchemaOutput(kind="json_schema", json_schema=schema)
        except ValidationError:
            continue
        fault = _fault(contract)
        if fault:
            found[name] = fault
    return found


def _fault(contract: JsonSchemaOutput) -> str:
    verdict = vet(contract)
    if verdict.kind is VerdictKind.REFUSED:
        return ""
    forced = forced_of(contract, verdict)
    assert isinstance(forced, JsonSchemaOutput)
    try:
        grammar = str(
            LLMatcher.grammar_from_json_schema(json.dumps(laid_out(forced.json_schema, JsonForm.COMPACT)))
        )
    except ValueError as error:
        return f"the engine refuses it: {error}"[:200]
    is_error, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    if is_error:
        return f"the engine refuses it: {' '.join(messages)}"[:200]
    return "" if _plain(grammar) == _plain(verdict.grammar) else "the engine forces another grammar"


def _plain(grammar: str | None) -> Any:
    """Order counts among properties, so only the options of the layout are compared without it."""
    schema = json.loads(grammar or "null")["grammars"][0]["json_schema"]
    options = schema.pop("x-guidance", {}) if isinstance(schema, dict) else {}
    return json.dumps(schema), {name: value for name, value in options.items() if value is not False}
