"""Whether a grammar alone admits a JSON value, in whatever order of keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from llguidance import LLMatcher

from gateway.intake.probe import byte_tokenizer

_TRIES = 2_000
"""Pieces of text that are offered to the matcher before the search for an order of keys is given up."""

Then = Callable[[], bool]


class Membership:
    """Asks one grammar about many values; not safe for use in several threads."""

    def __init__(self, grammar: str) -> None:
        self._grammar = grammar
        self._matcher = self._fresh()

    def admits(self, value: Any, text: str) -> bool:
        """Whether `text`, or `value` written with its keys in some other order, is in the language."""
        return self._admits_text(text) or self._search(value)

    def _admits_text(self, text: str) -> bool:
        self._begin()
        return _Spelling(self._matcher, 1).take(text, self._matcher.is_accepting)

    def _search(self, value: Any) -> bool:
        self._begin()
        try:
            return _Spelling(self._matcher, _TRIES).spell(value, self._matcher.is_accepting)
        except RecursionError:
            return False

    def _begin(self) -> None:
        # A matcher that has failed once stays so.
        if self._matcher.is_error() or not self._matcher.reset():
            self._matcher = self._fresh()

    def _fresh(self) -> LLMatcher:
        return LLMatcher(byte_tokenizer(), self._grammar, log_level=0)


class _Spelling:
    """Writes a value piece by piece and takes back what leads nowhere."""

    def __init__(self, matcher: LLMatcher, tries: int) -> None:
        self._matcher = matcher
        self._tries = tries

    def take(self, text: str, then: Then) -> bool:
        """Offer a text, then the rest."""
        if self._tries <= 0:
            return False
        self._tries -= 1
        data = list(text.encode("utf-8", "surrogatepass"))
        taken = self._matcher.try_consume_tokens(data)
        if taken == len(data) and then():
            return True
        if taken and not self._matcher.is_error():
            self._matcher.rollback(taken)
        return False

    def spell(self, value: Any, then: Then) -> bool:
        """Offer a value, then the rest."""
        if isinstance(value, dict) and value:
            return self._members("{", value, tuple(value), then)
        if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            return self.take("[", lambda: self._items(value, 0, then))
        return self.take(_text(value), then)

    def _items(self, items: list[Any], index: int, then: Then) -> bool:
        if index == len(items):
            return self.take("]", then)
        if index == 0:
            return self.spell(items[0], lambda: self._items(items, 1, then))
        return self.take(",", lambda: self.spell(items[index], lambda: self._items(items, index + 1, then)))

    def _members(self, mark: str, members: dict[str, Any], names: tuple[str, ...], then: Then) -> bool:
        if not names:
            return self.take("}", then)
        return any(self._member(mark, members, name, names, then) for name in names)

    def _member(
        self, mark: str, members: dict[str, Any], name: str, names: tuple[str, ...], then: Then
    ) -> bool:
        rest = tuple(other for other in names if other != name)
        return self.take(
            f"{mark}{_text(name)}:",
            lambda: self.spell(members[name], lambda: self._members(",", members, rest, then)),
        )


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
