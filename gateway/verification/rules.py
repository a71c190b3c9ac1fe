"""Rules about an answer, in CEL: compiled when a task is loaded, checked on every answer."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from contracts.canonical import JsonValue
from contracts.verification import Rule
from gateway.intake.violation import Violation, ViolationKind
from gateway.verification._bounds import Shape, Size, TooLargeError, is_affordable, shape_of, size_of
from gateway.verification._functions import FUNCTIONS

if TYPE_CHECKING:
    from cel import Program

MAX_INPUT_CHARS = 200_000

_VARIABLES = frozenset({"output", "input"})
_TYPES = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"})
_CONVERSIONS = frozenset({"bytes", "double", "dyn", "int", "string", "type", "uint"})
_TEXT_FUNCTIONS = frozenset({"contains", "endsWith", "matches", "size", "startsWith"})
_TIME_PARTS = "Date DayOfMonth DayOfWeek DayOfYear FullYear Hours Milliseconds Minutes Month Seconds"
_TIME_FUNCTIONS = frozenset({"duration", "timestamp"} | {f"get{part}" for part in _TIME_PARTS.split()})
_ALL_FUNCTIONS = _CONVERSIONS | _TEXT_FUNCTIONS | _TIME_FUNCTIONS | FUNCTIONS.keys()
_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_FAULTS = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""What the library raises for an expression that fails as it runs."""


class RuleError(ValueError):
    """A rule that cannot be used; `line` and `column` count from 1 and are 0 where no place is known."""

    def __init__(self, rule: str, message: str, line: int = 0, column: int = 0) -> None:
        place = f" at line {line}, column {column}" if line else ""
        super().__init__(f"rule {rule!r}{place}: {message}")
        self.rule = rule
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    rule: Rule
    program: Program
    shape: Shape


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """The rules of one task, ready to be checked. An empty tuple of violations is a proof."""

    _rules: tuple[_CompiledRule, ...]

    def check(self, value: JsonValue, input_text: str) -> tuple[Violation, ...]:
        """Evaluate every rule on an answer; a rule that fails to give true is a violation.

        Numbers of the answer are doubles, as JSON has one kind of number; the first `MAX_INPUT_CHARS`
        of the input are read. Holds the interpreter for up to two or three seconds at the bound on work.
        """
        if not self._rules:
            return ()
        try:
            size = size_of(value)
            context = _context(value, input_text[:MAX_INPUT_CHARS])
        except (TooLargeError, *_FAULTS) as error:
            return tuple(_unevaluated(compiled.rule, error) for compiled in self._rules)
        input_chars = min(len(input_text), MAX_INPUT_CHARS)
        found = (_judge(compiled, context, size, input_chars) for compiled in self._rules)
        return tuple(violation for violation in found if violation is not None)


def compile_rules(rules: Sequence[Rule]) -> CompiledRules:
    """Compile the rules of a task. The first call with a rule loads the library, in about 0.2 s.

    Raises:
        RuleError: an expression does not parse, or uses a name that there is not.
    """
    return CompiledRules(tuple(_compile(rule) for rule in rules))


def _compile(rule: Rule) -> _CompiledRule:
    program = _parse(rule)
    shape = shape_of(rule.expression)
    known = _VARIABLES | _TYPES | shape.bound
    for name in program.variables():
        if name not in known:
            raise _unknown(rule, name, f"no variable is named {name!r}; there are output and input")
    for name in program.functions():
        if name[0].isalpha() and name not in _ALL_FUNCTIONS:
            raise _unknown(
                rule, name, f"no function is named {name!r}; there are {', '.join(FUNCTIONS)} and CEL's own"
            )
    return _CompiledRule(rule, program, shape)


def _parse(rule: Rule) -> Program:
    # The package imports its command line, and with it a terminal library that nothing here needs.
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
    import cel  # noqa: PLC0415 - only tasks with rules pay

    # The library logs what a function raises; the violation says it, and a log holds nothing of answers.
    logging.getLogger("cel").setLevel(logging.CRITICAL)
    try:
        return cel.compile(rule.expression)
    except ValueError as error:
        place = _PLACE.search(str(error))
        if place is None:
            raise RuleError(rule.name, _first_line(error)) from error
        raise RuleError(rule.name, place[3][:300], int(place[1]), int(place[2])) from error
    except BaseException as error:
        # A panic of the library derives from BaseException and has no name to import.
        if type(error).__name__ != "PanicException":
            raise
        raise RuleError(rule.name, "the expression breaks the parser") from error


def _judge(compiled: _CompiledRule, context: Any, size: Size, input_chars: int) -> Violation | None:
    rule = compiled.rule
    if not is_affordable(compiled.shape, size, input_chars):
        return _unevaluated(rule, TooLargeError("the answer is too large for its loops"))
    try:
        result = compiled.program.execute(context)
    except _FAULTS as error:
        return _unevaluated(rule, error)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return _unevaluated(rule, error)
    if result is True:
        return None
    if result is False:
        return _violation(rule, rule.message)
    return _unevaluated(rule, TypeError("it gives neither true nor false"))


def _context(value: JsonValue, input_text: str) -> Any:
    from cel import Context  # noqa: PLC0415 - loaded by `_parse`

    # Half of a surrogate pair, which a request may hold, is no text to the library.
    readable = input_text.encode("utf-8", "replace").decode("utf-8")
    return Context({"output": _with_doubles(value), "input": readable}, dict(FUNCTIONS))


def _with_doubles(value: Any) -> Any:
    """Turn integers to doubles: CEL does not add 310 to 62.5, and JSON does not tell them apart."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, dict):
        return {key: _with_doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_doubles(item) for item in value]
    return value


def _unknown(rule: Rule, name: str, message: str) -> RuleError:
    found = re.search(rf"(?<![\w.]){re.escape(name)}\b|\b{re.escape(name)}\b", rule.expression)
    before = rule.expression[: found.start()] if found else ""
    return RuleError(rule.name, message, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _unevaluated(rule: Rule, error: BaseException) -> Violation:
    return _violation(rule, f"the rule could not be evaluated: {_reason(error)}")


def _reason(error: BaseException) -> str:
    text = f"no key {error}" if isinstance(error, KeyError) else _first_line(error)
    _, _, own = text.partition("Python function call failed: ValueError: ")
    sentence = (own or text).split(". ", 1)[0].rstrip(".")
    return sentence[:200]


def _violation(rule: Rule, message: str) -> Violation:
    return Violation(rule.pointer, message, ViolationKind.RULE, rule.name)


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0][:300]
