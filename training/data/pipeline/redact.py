"""What is done with personal data in a row: kept, replaced in text and output alike, or the row rejected."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from contracts.output import ChoiceOutput, OutputContract
from training.data.examples import REPLAY_SOURCE, Conformity
from training.data.pipeline.personal import Span
from training.data.pipeline.rows import Rejected, Row, rejected
from training.data.pipeline.spec import Handling

_SHORT_NAMES: Final = {
    "CREDIT_CARD": "CARD",
    "EMAIL_ADDRESS": "EMAIL",
    "IBAN_CODE": "IBAN",
    "PHONE_NUMBER": "PHONE",
}
_PLACEHOLDER: Final = re.compile(r"<([A-Z_]+)_(\d{1,6})>")
_SIGNS: Final = re.compile(r"[\W_]+")
_MIN_DIGITS_OF_A_NUMBER: Final = 7


class Finder(Protocol):
    """Finds personal data in a text."""

    def find(self, text: str) -> list[Span]:
        """The finds in order, none overlapping."""


class Redactor:
    """Applies the handling of each entity type to rows; `found` counts the finds by type."""

    def __init__(self, finder: Finder, handling: Mapping[str, Handling], contract: OutputContract) -> None:
        self._finder = finder
        self._handling = handling
        self._conformity = Conformity(contract)
        self._is_choice = isinstance(contract, ChoiceOutput)
        self.found: Counter[str] = Counter()
        self.redacted_rows = 0

    def handle(self, row: Row) -> Row | Rejected:
        """The row as it may be kept, or why it may not."""
        page = _Page(self._finder, self._handling, row.text)
        text = page.redacted(row.text)
        try:
            output = row.output if self._is_choice else page.deep(row.output)
            worse = row.rejected_output if self._is_choice else page.deep(row.rejected_output)
        except _NumberError as error:
            return rejected(row, "personal_data_in_number", str(error))
        self.found.update(page.found)
        refused = sorted(name for name in page.found if self._handling.get(name) is Handling.REJECT)
        if refused:
            return rejected(row, "personal_data", f"it holds {', '.join(refused)}")
        if output != row.output and (reason := self._conformity.violation(output)):
            return rejected(row, "redaction_breaks_contract", reason[:500])
        labels = {name: self._pseudonym(getattr(row, name)) for name in ("id", "group", "slice")}
        handled = replace(row, text=text, output=output, rejected_output=worse, **labels)
        self.redacted_rows += handled != row
        return handled

    def cleaned(self, value: Any) -> Any:
        """Any value without personal data that the policy does not keep, as rejected rows are written."""
        page = _Page(self._finder, {name: _hidden(how) for name, how in self._handling.items()}, "")
        try:
            return page.deep(value)
        except _NumberError:
            return None

    def comparable(self, row: Row) -> Row:
        """A golden row as the rows it is compared with were changed; nothing is counted or refused."""
        page = _Page(self._finder, self._handling, row.text)
        text = page.redacted(row.text)
        try:
            return replace(row, text=text, output=page.deep(row.output))
        except _NumberError:
            return replace(row, text=text)

    def is_against_policy(self, row: Row) -> bool:
        """Whether a finished row still holds what the policy does not keep.

        A row without a placeholder is as it was when nothing was found in it.
        """
        is_label = self._is_choice and row.source != REPLAY_SOURCE
        values = [row.text] if is_label else [row.text, row.output, row.rejected_output]
        if not any(_PLACEHOLDER.search(str(value)) for value in values):
            return False
        page = _Page(self._finder, self._handling, "")
        page.deep(values)
        return any(self._handling[name] is not Handling.KEEP for name in page.found)

    def _pseudonym(self, label: str) -> str:
        """A label that is an address or a number of a person becomes a hash; equal labels stay equal."""
        may_name = "@" in label or not any(map(str.isalpha, label))
        named = may_name and any(
            self._handling[span.entity] is not Handling.KEEP for span in self._finder.find(label)
        )
        return f"x-{hashlib.sha256(label.encode()).hexdigest()[:12]}" if named else label


class _NumberError(Exception):
    """A value to be redacted stands as a number in the output, where no placeholder fits."""


class _Page:
    """One row's values and their placeholders: the same value has the same placeholder everywhere."""

    def __init__(self, finder: Finder, handling: Mapping[str, Handling], text: str) -> None:
        self._find = finder.find
        self._handling = handling
        self._placeholders: dict[str, str] = {}
        self._raw: dict[str, str] = {}
        self._next: Counter[str] = Counter()
        for name, number in _PLACEHOLDER.findall(text):
            self._next[name] = max(self._next[name], int(number))
        self.found: Counter[str] = Counter()

    def redacted(self, text: str) -> str:
        """The text with every value to be redacted replaced."""
        pieces, end = [], 0
        for span in self._find(text):
            self.found[span.entity] += 1
            if self._handling.get(span.entity) is not Handling.REDACT:
                continue
            pieces += [text[end : span.start], self._placeholder(span.entity, text[span.start : span.end])]
            end = span.end
        pieces.append(text[end:])
        return "".join(pieces)

    def deep(self, value: Any) -> Any:
        """An output: values known from the text are replaced however they are found, then new finds."""
        if isinstance(value, str):
            return self.redacted(self._known_replaced(value))
        if isinstance(value, Mapping):
            return {key: self.deep(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.deep(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            self._refuse_number(value)
        return value

    def _placeholder(self, entity: str, raw: str) -> str:
        key = _key(raw)
        if key not in self._placeholders:
            name = _SHORT_NAMES.get(entity, entity)
            self._next[name] += 1
            self._placeholders[key] = f"<{name}_{self._next[name]}>"
        self._raw[raw] = self._placeholders[key]
        return self._placeholders[key]

    def _known_replaced(self, text: str) -> str:
        if not self._placeholders or not text:
            return text
        replaced = text
        for raw in sorted(self._raw, key=len, reverse=True):
            replaced = replaced.replace(raw, self._raw[raw])
        if replaced != text:
            return replaced
        return self._placeholders.get(_key(text), text)  # the same value, written in another way

    def _refuse_number(self, number: float) -> None:
        digits = str(number).lstrip("-").removesuffix(".0")
        if len(digits) >= _MIN_DIGITS_OF_A_NUMBER and _key(digits) in self._placeholders:
            raise _NumberError("a redacted value stands as a number in the output")


def _key(raw: str) -> str:
    return _SIGNS.sub("", raw).casefold()


def _hidden(handling: Handling) -> Handling:
    return Handling.KEEP if handling is Handling.KEEP else Handling.REDACT
