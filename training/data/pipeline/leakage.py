"""No row may resemble a golden set, and no row another split: who is alike is rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contracts.dataset import SPLITS
from training.data.pipeline.alike import Relation, relation
from training.data.pipeline.near import Alike
from training.data.pipeline.rows import Row
from training.data.pipeline.space import Likeness, TextSpace


@dataclass(frozen=True, slots=True)
class Leak:
    """One row that gives away another: `likeness` is how they were found."""

    position: int
    other: int
    likeness: Likeness
    similarity: float


@dataclass(slots=True)
class LeakSearch:
    """Finds rows that are alike to protected ones. `rows` are by position in the space."""

    rows: Sequence[Row]
    space: TextSpace
    is_free_text: bool
    leaks: list[Leak] = field(default_factory=list)

    def against(self, protected: Sequence[int], candidates: Sequence[int]) -> set[int]:
        """The candidates that are alike to a protected row; each is noted once in `leaks`."""
        shielded, found = frozenset(protected), set[int]()
        for likeness in self.space.likenesses if protected else ():

            def decide(position: int, alike: Alike, how: Likeness = likeness) -> bool:
                if position in shielded:
                    return True
                leak = next(
                    (self._leak(position, pair, how) for pair in alike if self._tells(position, pair, how)),
                    None,
                )
                if leak is not None:
                    found.add(position)
                    self.leaks.append(leak)
                return False

            left = [position for position in candidates if position not in found]
            self.space.sweep(likeness, [*protected, *left], decide)
        return found

    def across(self, splits: Mapping[int, str]) -> set[int]:
        """The rows that are alike to one of another split: train yields to the others, validation to test."""
        order = tuple(reversed(SPLITS))
        found: set[int] = set()
        for number, name in enumerate(order[:-1]):
            held_out = [
                position for position, split in splits.items() if split == name and position not in found
            ]
            others = [position for position, split in splits.items() if split in order[number + 1 :]]
            found |= self.against(held_out, [position for position in others if position not in found])
        return found

    def _leak(self, position: int, pair: tuple[int, float], likeness: Likeness) -> Leak:
        return Leak(position, pair[0], likeness, pair[1])

    def _tells(self, position: int, pair: tuple[int, float], likeness: Likeness) -> bool:
        """Texts alike in meaning alone (two invoices) may still be different examples."""
        if likeness is not Likeness.SEMANTIC:
            return True
        how = relation(self.rows[position], self.rows[pair[0]], is_free_text=self.is_free_text)
        return how is not Relation.DIFFERENT
