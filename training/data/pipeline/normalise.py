"""One written form for text and outputs: Unicode NFC, newlines, control characters, JSON, labels."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput, OutputContract, TextOutput
from training.data.examples import Conformity
from training.data.pipeline.rows import Rejected, Row, rejected
from training.data.strict_json import parse_json

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")
_LINE_END: Final = re.compile("\r\n?|\x85|\u2028|\u2029")
_FENCE: Final = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)
_MAX_LABEL_CHARACTERS: Final = 200


def normalised(text: str) -> str:
    """NFC, line feeds for every line end, no control characters; nothing is trimmed."""
    return _CONTROL.sub("", _LINE_END.sub("\n", unicodedata.normalize("NFC", text)))


class _UnfitError(Exception):
    """A row that cannot be used; `reason` is a word."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


class Normaliser:
    """Brings rows to one form and refuses outputs that break the contract; `counts` says what changed.

    Of a golden set every row counts, whatever its output: `is_strict` is off there.
    """

    def __init__(self, contract: OutputContract, *, is_strict: bool = True) -> None:
        self._contract = contract
        self._is_strict = is_strict
        self._conformity = Conformity(contract)
        self._is_json = isinstance(contract, JsonSchemaOutput | JsonObjectOutput)
        self.counts: Counter[str] = Counter()

    def normalise(self, row: Row) -> Row | Rejected:
        """The row in its normal form, or why it cannot be used."""
        try:
            return self._normal(row)
        except _UnfitError as error:
            return rejected(row, error.reason, str(error))

    def _normal(self, row: Row) -> Row:
        if fault := _fault([row.text, row.id, row.group, row.slice, row.output, row.rejected_output]):
            raise _UnfitError(fault, "a value that UTF-8 JSON cannot hold")
        text = normalised(row.text).strip()
        if not text:
            raise _UnfitError("no_text", "the text is empty")
        self.counts["texts normalised"] += text != row.text
        output = self._checked(row.output)
        worse = self._worse(row.rejected_output)
        if reason := self._conformity.unreadable(worse):
            raise _UnfitError("rejected_output_unreadable", reason)
        if worse is not None and worse == output:
            raise _UnfitError("pair_without_difference", "both answers of the pair are the same")
        labels = {name: _one_line(getattr(row, name)) for name in ("id", "group", "slice")}
        return replace(row, text=text, output=output, rejected_output=worse, **labels)

    def _checked(self, given: object) -> Any:
        if not self._is_strict:
            return self._worse(given)
        try:
            output = self._output(given)
        except ValueError as error:
            raise _UnfitError("output_no_json", f"the output is no JSON: {error}") from error
        if output == "" and isinstance(self._contract, TextOutput):
            raise _UnfitError("no_output", "the output is empty")
        if reason := self._conformity.violation(output):
            raise _UnfitError("output_breaks_contract", reason[:500])
        return output

    def _output(self, output: object) -> Any:
        if isinstance(self._contract, ChoiceOutput) and isinstance(output, str):
            return self._label(normalised(output).strip(), self._contract.choices)
        if isinstance(self._contract, TextOutput) and isinstance(output, str):
            return normalised(output).strip()
        if self._is_json and isinstance(output, str):
            return self._parsed(output)
        return _deep(output)

    def _parsed(self, output: str) -> Any:
        """JSON given as text. Where the contract takes the text itself, it stays."""
        fenced = _FENCE.fullmatch(output.strip())
        try:
            value = _deep(parse_json(fenced[1] if fenced else output))
        except ValueError:
            if not self._conformity.violation(output):
                return _deep(output)
            raise
        if self._conformity.violation(value) and not self._conformity.violation(output):
            return _deep(output)
        self.counts["outputs parsed from text"] += 1
        return value

    def _label(self, label: str, choices: tuple[str, ...]) -> str:
        if label in choices:
            return label
        alike = [choice for choice in choices if choice.casefold() == label.casefold()]
        if len(alike) != 1:
            return label  # the contract says what is wrong with it
        self.counts["labels corrected in case"] += 1
        return alike[0]

    def _worse(self, output: object) -> Any:
        """The worse answer of a pair in the same form; it may be no JSON and break the contract."""
        if output is None:
            return None
        try:
            return self._output(output)
        except ValueError:
            return _deep(output)


def _one_line(label: str) -> str:
    return " ".join(normalised(label).split())[:_MAX_LABEL_CHARACTERS]


def _deep(value: object) -> Any:
    """Strings within a value in normal form."""
    if isinstance(value, str):
        return normalised(value)
    if isinstance(value, Mapping):
        return {normalised(key): _deep(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_deep(item) for item in value]
    return value


def _fault(value: object) -> str:
    """The reason why a value cannot be written as UTF-8 JSON; empty if it can."""
    if isinstance(value, str):
        return "" if _is_unicode(value) else "not_utf8"
    if isinstance(value, Mapping):
        return next(filter(None, map(_fault, [*value.keys(), *value.values()])), "")
    if isinstance(value, list):
        return next(filter(None, map(_fault, value)), "")
    if isinstance(value, float) and not math.isfinite(value):
        return "output_no_json"
    return "" if value is None or isinstance(value, bool | int | float) else "output_no_json"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
