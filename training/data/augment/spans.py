"""Where a value stands in a text, whatever its case, spaces and punctuation there."""

from __future__ import annotations

from training.spans import Span


def find_value(value: str, text: str) -> list[Span]:
    """Every place where `value` stands in `text`, compared by its letters and digits alone.

    A place begins and ends where a word or number does: `9.00` is not found in `19.00` or `9.005`.
    """
    wanted = "".join(character.casefold() for character in value if character.isalnum())
    if not wanted:
        return []
    letters, offsets = _letters(text)
    spans, at = [], letters.find(wanted)
    while at >= 0:
        span = Span(offsets[at], offsets[at + len(wanted) - 1] + 1)
        if _is_whole(text, span):
            spans.append(span)
            at = letters.find(wanted, at + len(wanted))
        else:
            at = letters.find(wanted, at + 1)
    return spans


def letter_offsets(text: str) -> list[int]:
    """Where each letter and digit of a text stands."""
    return _letters(text)[1]


def _letters(text: str) -> tuple[str, list[int]]:
    """The case-folded letters and digits, and where each stands; one that folds to two is left as it is."""
    letters, offsets = [], []
    for offset, character in enumerate(text):
        if character.isalnum():
            folded = character.casefold()
            letters.append(folded if len(folded) == 1 else character)
            offsets.append(offset)
    return "".join(letters), offsets


def _is_whole(text: str, span: Span) -> bool:
    before, after = text[: span.start][-2:], text[span.end : span.end + 2]
    return not (_joins(text[span.start], before[::-1]) or _joins(text[span.end - 1], after))


def _joins(edge: str, beyond: str) -> bool:
    """Whether what lies beyond an edge belongs to the same word or number, read away from the edge."""
    if not beyond:
        return False
    if edge.isdigit() and beyond[0] in ".,":
        return len(beyond) == 2 and beyond[1].isdigit()
    return beyond[0].isalnum() and (edge.isdigit() == beyond[0].isdigit())
