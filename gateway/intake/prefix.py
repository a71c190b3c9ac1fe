"""Whether what was seen of a streamed answer can still become valid."""

from __future__ import annotations

import re
from functools import cache
from typing import Self

from llguidance import LLMatcher, LLTokenizer

MAX_BYTES = 256 * 1024
"""Longer answers are left to the proof at their end. A byte costs about 2 µs, so this is half a second."""

_COUNTS_TOKENS = re.compile(r"max_tokens\s*=|<\[|<\|")
"""What a Lark grammar says of the model's tokens means nothing to a matcher of bytes."""

_ANY_JSON = r"""start: WS? value WS?
value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" WS? (pair (WS? "," WS? pair)*)? WS? "}"
pair: STRING WS? ":" WS? value
array: "[" WS? (value (WS? "," WS? value)*)? WS? "]"
STRING: /"([^"\\\x00-\x1f]|\\(["\\\/bfnrt]|u[0-9a-fA-F]{4}))*"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
WS: /[ \t\n\r]+/
"""
"""RFC 8259. llguidance's own JSON grammar knows neither the escape of a slash nor a raw U+007F."""


class PrefixCheck:
    """Reads one answer piece by piece, and says once and for all when it cannot become valid any more.

    It errs on one side alone. Where the matcher fails by itself, where the grammar counts tokens, and past
    `MAX_BYTES`, the check is off and finds nothing; the proof of the whole answer is not its business. Nor
    are repeated keys.
    """

    def __init__(self, matcher: LLMatcher | None) -> None:
        """Take a matcher that has seen nothing; None is a check that is off."""
        self._matcher = matcher
        self._seen_bytes = 0
        self._reason: str | None = None

    @classmethod
    def for_grammar(cls, grammar: str) -> Self:
        """Check against a grammar of llguidance, as `LLMatcher.grammar_from_json_schema` writes it.

        The language is the grammar's: a schema's grammar takes the keys in the schema's order. Building
        costs milliseconds; keep one and take `fresh` copies.
        """
        if _COUNTS_TOKENS.search(grammar):
            return cls(None)
        return cls(LLMatcher(_tokenizer(), grammar, log_level=0))

    @classmethod
    def for_any_json(cls) -> Self:
        """Check against JSON of any layout, with white space around it."""
        return cls(_any_json().deep_copy())

    @property
    def is_on(self) -> bool:
        """Whether it can still find anything."""
        return self._matcher is not None

    def fresh(self) -> Self:
        """A check of the same grammar for another answer, within microseconds; of one that was never fed."""
        if self._seen_bytes:
            raise ValueError("a check that has read something cannot be copied for another answer")
        return type(self)(self._matcher.deep_copy() if self._matcher is not None else None)

    def feed(self, text: str) -> str | None:
        """Read on; None while the answer can become valid, else why not, with the offset in bytes.

        A reason stays: whatever follows, it is given again.
        """
        if self._matcher is None or self._reason is not None:
            return self._reason
        # Half a surrogate pair is no text: its bytes match no grammar, and so it is found like other faults.
        data = text.encode("utf-8", "surrogatepass")
        if self._seen_bytes + len(data) > MAX_BYTES:
            self._matcher = None
            return None
        taken = self._matcher.try_consume_tokens(list(data))
        self._seen_bytes += taken
        if taken == len(data):
            return None
        if self._matcher.is_error():  # a limit of the matcher's, not a fault of the answer
            self._matcher = None
            return None
        self._reason = f"cannot become valid from byte {self._seen_bytes}"
        return self._reason


@cache
def _tokenizer() -> LLTokenizer:
    return LLTokenizer("byte")


@cache
def _any_json() -> LLMatcher:
    return LLMatcher(_tokenizer(), LLMatcher.grammar_from_lark(_ANY_JSON), log_level=0)
