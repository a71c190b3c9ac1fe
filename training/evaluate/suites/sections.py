"""The suite of moved sections: paragraphs without a figure or a gold value change places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from training.evaluate.golden import GoldenRow
from training.evaluate.suites.spans import Text
from training.evaluate.suites.variant import chance, originals, variant

_BREAK = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True, slots=True)
class SectionSuite:
    """Moves free paragraphs among themselves and to the end; the others keep their order.

    A paragraph is free if all its tokens are: what holds a value, or is told apart by its place, stays.
    """

    name: str = "sections"
    version: int = 1

    def variants(self, rows: Sequence[GoldenRow], seed: int) -> list[GoldenRow]:
        """At most one variant of each row; a text without paragraphs that may move is left out."""
        made = []
        for _, row in originals(rows):
            parts = [part for part in _BREAK.split(row.text) if part.strip()]
            free = [at for at, part in enumerate(parts) if at > 0 and not any(Text(part, row.output).kept)]
            if not free or len(parts) < 3:
                continue
            moved = free.copy()
            chance(seed, self.name, self.version, row.id).shuffle(moved)
            order = [*(at for at in range(len(parts)) if at not in free), *moved]
            if order != list(range(len(parts))):
                made.append(variant(row, self.name, "moved", "\n\n".join(parts[at] for at in order)))
        return made


SUITE = SectionSuite()
