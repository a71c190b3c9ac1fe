"""Owns putting foreign words into Markdown as words: no markup, no HTML, no new lines of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~$&])")
_MAX_CHARACTERS = 2000


def plain(words: object) -> str:
    """The words on one line, with everything that Markdown or HTML would read as markup escaped."""
    line = " ".join("".join(one if one.isprintable() else " " for one in str(words)).split())
    short = line if len(line) <= _MAX_CHARACTERS else f"{line[:_MAX_CHARACTERS]} …"
    return _MARKUP.sub(r"\\\1", short)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table; cells are words."""
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows),
    ]


def number(value: float | None) -> str:
    """A figure with four digits after the point at most; a dash where there is none."""
    return "–" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")
