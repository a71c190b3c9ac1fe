"""Cutting documents into passages at their headings and paragraphs, with exact character offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HEADING: Final = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t#]*$")
_FENCE: Final = re.compile(r"\s{0,3}(```|~~~)")
_BREAKS: Final = (re.compile(r"(?<=[.!?])\s+"), re.compile(r"\s+"))
"""Where a paragraph that is too long may be cut: after a sentence, else between words."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of a document; its text is `document[start:end]`."""

    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph, under the headings that hold for it."""

    title: str
    start: int
    end: int


def cut_document(text: str, name: str, passage_chars: int) -> Iterator[Cut]:
    """Pack paragraphs of one section together up to `passage_chars`; a longer one is split."""
    held: _Block | None = None
    for block in _blocks(text, name):
        for piece in _split(text, block, passage_chars):
            fits = held is not None and piece.title == held.title and piece.end - held.start <= passage_chars
            if held is not None and fits:
                held = _Block(held.title, held.start, piece.end)
                continue
            if held is not None:
                yield Cut(held.title, held.start, held.end)
            held = piece
    if held is not None:
        yield Cut(held.title, held.start, held.end)


def _blocks(text: str, name: str) -> Iterator[_Block]:
    """Paragraphs between blank lines; headings are no text of their own, but the title of what follows."""
    headings: dict[int, str] = {}
    start: int | None = None
    position, is_fenced = 0, False
    for line in text.splitlines(keepends=True):
        heading = None if is_fenced else _HEADING.match(line.rstrip("\r\n"))
        if heading is not None or (not line.strip() and not is_fenced):
            if start is not None:
                yield _block(text, headings, name, start, position)
                start = None
            if heading is not None:
                level = len(heading[1])
                headings = {depth: title for depth, title in headings.items() if depth < level}
                headings[level] = heading[2]
        elif start is None:
            start = position
        if _FENCE.match(line):
            is_fenced = not is_fenced
        position += len(line)
    if start is not None:
        yield _block(text, headings, name, start, position)


def _block(text: str, headings: dict[int, str], name: str, start: int, end: int) -> _Block:
    title = " > ".join(headings[level] for level in sorted(headings)) or name
    return _Block(title, start, start + len(text[start:end].rstrip()))


def _split(text: str, block: _Block, passage_chars: int) -> Iterator[_Block]:
    start = block.start
    while block.end - start > passage_chars:
        cut = _cut_before(text, start, start + passage_chars)
        yield _Block(block.title, start, start + len(text[start:cut].rstrip()))
        start = cut + len(text[cut : block.end]) - len(text[cut : block.end].lstrip())
    if start < block.end:
        yield _Block(block.title, start, block.end)


def _cut_before(text: str, start: int, limit: int) -> int:
    """The last good place to cut in the later half, or the limit where there is none."""
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(text, start + (limit - start) // 2, limit)]
        if ends:
            return ends[-1]
    return limit
