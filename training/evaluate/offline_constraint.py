"""What forces an answer offline: serving's grammar, through Outlines' llguidance backend."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from contracts.canonical import JsonForm
from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
)
from training.errors import MissingLibraryError, OfflineModelError

_SEPARATORS = {JsonForm.COMPACT: (",", ":"), JsonForm.SPACED: (", ", ": ")}
# llguidance is the engine's backend, and the one of Outlines' whose white space a schema can fix.
_BACKEND = "llguidance"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint in llguidance's words; `left_out` says which keywords it cannot force."""

    kind: Literal["json_schema", "regex", "grammar"]
    text: str
    left_out: tuple[str, ...] = ()


def constraint_of(contract: OutputContract, form: JsonForm = JsonForm.COMPACT) -> Constraint | None:
    """The constraint of a contract, with JSON in one layout; None for free text.

    A schema with keywords that no grammar forces is forced in part, and scored in whole.

    Raises:
        OfflineModelError: the grammar library refuses it.
        MissingLibraryError: llguidance is not installed.
    """
    match contract:
        case JsonSchemaOutput(json_schema=schema):
            return _json_constraint(schema, form)
        case JsonObjectOutput():
            return _json_constraint({"type": "object"}, form)
        case ChoiceOutput(choices=choices):
            labels = " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)
            return _checked(Constraint("grammar", f"start: {labels}"))
        case RegexOutput(pattern=pattern):
            return _checked(Constraint("regex", pattern))
        case GrammarOutput(grammar=grammar):
            return _checked(Constraint("grammar", grammar))
        case _:
            return None


def processor_of(constraint: Constraint, model: Any) -> Any:
    """The logits processor of a constraint for an Outlines model; it is reset before every batch.

    Raises:
        OfflineModelError: the tokenizer is none that llguidance reads.
    """
    from outlines import backends  # noqa: PLC0415 - only in the training environment

    builders = {
        "json_schema": backends.get_json_schema_logits_processor,
        "regex": backends.get_regex_logits_processor,
        "grammar": backends.get_cfg_logits_processor,
    }
    try:
        return builders[constraint.kind](_BACKEND, model, constraint.text)
    except ValueError as error:
        raise OfflineModelError(f"the output contract cannot be forced on this tokenizer: {error}") from error


def _json_constraint(schema: dict[str, Any] | bool, form: JsonForm) -> Constraint:
    if schema is False:
        raise OfflineModelError("the output contract cannot be forced: no answer keeps the schema `false`")
    exact = Constraint("json_schema", _laid_out(schema, form))
    refused = _refusal(exact)
    if not refused:
        return exact
    lenient = Constraint("json_schema", _laid_out(schema, form, is_lenient=True), tuple(refused))
    return _checked(lenient)


def _laid_out(schema: dict[str, Any] | bool, form: JsonForm, *, is_lenient: bool = False) -> str:
    """The schema with the key that fixes llguidance's white space."""
    item, key = _SEPARATORS[form]
    options = {"whitespace_flexible": False, "item_separator": item, "key_separator": key}
    given = {} if isinstance(schema, bool) else schema
    return json.dumps({**given, "x-guidance": {**options, **({"lenient": True} if is_lenient else {})}})


def _checked(constraint: Constraint) -> Constraint:
    refused = _refusal(constraint)
    if refused:
        raise OfflineModelError(f"the output contract cannot be forced: {'; '.join(refused)[:500]}")
    return constraint


def _refusal(constraint: Constraint) -> list[str]:
    """Why llguidance does not take the constraint; empty where it does."""
    try:
        from llguidance import LLMatcher, grammar_from  # noqa: PLC0415 - not in every environment
    except ModuleNotFoundError as error:
        raise MissingLibraryError("llguidance") from error
    try:
        is_error, messages = LLMatcher.validate_grammar_with_warnings(
            grammar_from(constraint.kind, constraint.text)
        )
    except ValueError as error:
        return [str(error)]
    return list(messages) if is_error else []
