"""What of a text may be perturbed: everything but gold values, figures and what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from training.spans import Span, replace_spans

_TOKEN = re.compile(r"\S+")
_WORD = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"@|://|www\.|[^\W_]\.[^\W_]")
_MAX_GOLD_CHARACTERS = 2000
"""A longer gold value is kept word by word: a pattern of that length would be slow to look for."""


class Text:
    """A row's text, cut into tokens at white space, some of which are kept as they are.

    Kept are: every occurrence of a gold value, whatever its case and line breaks; each word of a gold value
    wherever it stands; a token with a digit, and its neighbours, which may be a month, a currency or a
    unit; addresses. The rest is free.
    """

    def __init__(self, text: str, gold: object) -> None:
        self.text = text
        strings = [value for value in scalars(gold) if isinstance(value, str) and value.strip()]
        self._gold_words = {word.casefold() for value in strings for word in _WORD.findall(value)}
        self._gold = [span for value in strings for span in _occurrences(text, value)]

    @cached_property
    def tokens(self) -> tuple[Span, ...]:
        """All that stands between white space."""
        return tuple(Span(*match.span()) for match in _TOKEN.finditer(self.text))

    @cached_property
    def kept(self) -> tuple[bool, ...]:
        """Which of the tokens must stay."""
        figures = [any(sign.isdigit() for sign in self.at(token)) for token in self.tokens]
        beside = [any(figures[max(0, at - 1) : at + 2]) for at in range(len(figures))]
        return tuple(near or self._is_kept(one) for near, one in zip(beside, self.tokens, strict=True))

    def free_words(self, min_letters: int) -> list[Span]:
        """Words of free tokens that have at least so many letters."""
        return [
            Span(token.start + match.start(), token.start + match.end())
            for token, is_kept in zip(self.tokens, self.kept, strict=True)
            if not is_kept
            for match in _WORD.finditer(self.at(token))
            if len(match.group()) >= min_letters
        ]

    def free_gaps(self) -> list[Span]:
        """White space between two tokens of which one is free."""
        pairs = zip(self.tokens, self.tokens[1:], self.kept, self.kept[1:], strict=False)
        gaps = (Span(one.end, other.start) for one, other, left, right in pairs if not (left and right))
        return [gap for gap in gaps if not self._touches_gold(gap)]

    def line_breaks(self) -> list[int]:
        """Where a line may be put between two others: line feeds outside gold values."""
        feeds = (at for at, sign in enumerate(self.text) if sign == "\n")
        return [at for at in feeds if not self._touches_gold(Span(at, at + 1))]

    def at(self, span: Span) -> str:
        """The characters of a span."""
        return self.text[span.start : span.end]

    def with_edits(self, edits: Mapping[Span, str]) -> str:
        """The text with spans replaced; they may not overlap."""
        return replace_spans(self.text, [*edits.items()])

    def _is_kept(self, token: Span) -> bool:
        written = self.at(token)
        words = {word.casefold() for word in _WORD.findall(written)}
        return bool(words & self._gold_words) or self._touches_gold(token) or bool(_ADDRESS.search(written))

    def _touches_gold(self, span: Span) -> bool:
        return any(span.overlaps(gold) for gold in self._gold)


def scalars(value: object) -> Iterator[object]:
    """The values at the leaves of a gold output."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from scalars(part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from scalars(part)
    else:
        yield value


def _occurrences(text: str, value: str) -> list[Span]:
    if len(value) > _MAX_GOLD_CHARACTERS:
        return []
    pattern = r"\s+".join(map(re.escape, value.split()))
    return [Span(*match.span()) for match in re.finditer(pattern, text, re.IGNORECASE)]
