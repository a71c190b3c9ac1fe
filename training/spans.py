"""Parts of a text, for whatever finds values in it or changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets into a text in characters; the end is exclusive."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Whether the two share a character."""
        return self.start < other.end and other.start < self.end


def replace_spans(text: str, replacements: Sequence[tuple[Span, str]]) -> str:
    """Put each replacement in its span's place; of two that overlap the later one is left out."""
    parts, at = [], 0
    for span, replacement in sorted(replacements, key=lambda one: one[0].start):
        if span.start < at:
            continue
        parts += [text[at : span.start], replacement]
        at = span.end
    return "".join([*parts, text[at:]])
