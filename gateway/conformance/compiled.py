"""Output contracts, compiled once: what forces them is vetted, what proves them is ready."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import llguidance
from llguidance import LLMatcher, LLTokenizer

from contracts.canonical import content_hash, stable_bytes
from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
    TextOutput,
)
from gateway.conformance._strict_json import StrictJsonError, loads
from gateway.errors import SchemaUnsupportedError

MAX_VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which an answer breaks its contract; `pointer` is a JSON pointer (RFC 6901)."""

    pointer: str
    message: str


Verify = Callable[[str], tuple[Violation, ...]]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A contract that is ready to prove answers. An empty tuple of violations is a proof."""

    contract: OutputContract
    verify: Verify


class ContractCompiler:
    """Compiles contracts off the event loop and keeps the last `capacity` of them by content.

    At the bound the least recently used is dropped. A compilation over `timeout_seconds` is refused.
    """

    def __init__(self, *, capacity: int = 512, timeout_seconds: float = 5.0) -> None:
        self._capacity = capacity
        self._timeout_seconds = timeout_seconds
        self._kept: OrderedDict[str, Compiled] = OrderedDict()
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="contract")

    async def compile(self, contract: OutputContract) -> Compiled:
        """Compile, or take what is kept.

        Raises:
            SchemaUnsupportedError: it does not compile, cannot be constrained, or takes too long.
        """
        key = _key(contract)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._workers, compile_contract, contract)
        try:
            compiled = await asyncio.wait_for(asyncio.shield(work), self._timeout_seconds)
        except TimeoutError as error:
            raise SchemaUnsupportedError(
                f"the output contract took over {self._timeout_seconds:g} s to compile",
                param="response_format",
            ) from error
        self._kept[key] = compiled
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return compiled

    async def check(self, contract: OutputContract) -> None:
        """Compile for the errors alone."""
        await self.compile(contract)

    def close(self) -> None:
        """Let the workers go."""
        self._workers.shutdown(wait=False, cancel_futures=True)


def compile_contract(contract: OutputContract) -> Compiled:
    """Compile in the caller's thread.

    Raises:
        SchemaUnsupportedError: it does not compile or cannot be constrained.
    """
    return Compiled(contract, _verifier(contract))


def _verifier(contract: OutputContract) -> Verify:
    match contract:
        case TextOutput():
            return lambda _: ()
        case JsonSchemaOutput(json_schema=schema):
            return _schema_verifier(schema)
        case JsonObjectOutput():
            return _schema_verifier({"type": "object"})
        case ChoiceOutput(choices=choices):
            return _choice_verifier(choices)
        case RegexOutput(pattern=pattern):
            return _grammar_verifier(llguidance.grammar_from("regex", pattern), "the pattern")
        case GrammarOutput(grammar=grammar):
            return _grammar_verifier(_grammar(grammar), "the grammar")


def _schema_verifier(schema: dict[str, Any] | bool) -> Verify:
    """The grammar engine must take the schema, and the validator proves the whole of it."""
    try:
        validator = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise SchemaUnsupportedError(
            f"the schema is not valid: {_first_line(error)}", param="response_format"
        ) from error
    if schema is False:
        raise SchemaUnsupportedError("the schema allows no answer at all", param="response_format")
    _vet(LLMatcher.grammar_from_json_schema(schema if isinstance(schema, dict) else {}), "the schema")

    def verify(text: str) -> tuple[Violation, ...]:
        try:
            value = loads(text)
        except StrictJsonError as error:
            return (Violation("", str(error)),)
        found: list[Violation] = []
        for fault in validator.iter_errors(value):
            found.append(Violation(_pointer(fault.instance_path), fault.message))
            if len(found) == MAX_VIOLATIONS:
                break
        return tuple(found)

    return verify


def _choice_verifier(choices: tuple[str, ...]) -> Verify:
    allowed = frozenset(choices)
    return lambda text: () if text in allowed else (Violation("", "is not one of the choices"),)


def _grammar(grammar: str) -> str:
    try:
        return str(llguidance.grammar_from("grammar", grammar))
    except ValueError as error:
        raise SchemaUnsupportedError(
            f"the grammar cannot be used: {_first_line(error)}", param="structured_outputs"
        ) from error


def _grammar_verifier(grammar: str, what: str) -> Verify:
    """Match bytes with the engine's own matcher, so that both sides read the syntax alike."""
    _vet(grammar, what)
    tokenizer = LLTokenizer("byte")

    def verify(text: str) -> tuple[Violation, ...]:
        data = list(text.encode("utf-8", "replace"))
        matcher = LLMatcher(tokenizer, grammar)
        taken = matcher.try_consume_tokens(data)
        if taken == len(data) and matcher.is_accepting():
            return ()
        return (Violation("", f"does not match {what} (from byte {taken})"),)

    return verify


def _vet(grammar: str, what: str) -> None:
    is_error, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    if is_error:
        reason = "; ".join(line.strip() for line in messages)[:500]
        param = "response_format" if what == "the schema" else "structured_outputs"
        raise SchemaUnsupportedError(f"{what} cannot be constrained: {reason}", param=param)


def _key(contract: OutputContract) -> str:
    return content_hash(stable_bytes(contract.model_dump(mode="json", by_alias=True)))


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:500]
