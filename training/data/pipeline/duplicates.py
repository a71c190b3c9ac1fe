"""Rows that say the same twice, and rows that disagree about the same text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from contracts.canonical import stable_bytes
from training.data.pipeline.alike import Relation, relation
from training.data.pipeline.near import Alike
from training.data.pipeline.rows import Rejected, Row, rejected
from training.data.pipeline.space import Likeness, TextSpace

MAX_LISTED: Final = 100
"""How many contradictions and ambiguous pairs are listed by id; all are counted."""

Policy = Literal["reject", "majority", "first"]


@dataclass(slots=True)
class Findings:
    """What the search found. Pairs are of ids; counts are whole even where a list is cut."""

    rejected: list[Rejected] = field(default_factory=list)
    contradictions: int = 0
    contradicting_rows: int = 0
    ambiguous: int = 0
    ambiguous_left: set[int] = field(default_factory=set)
    alike_in_meaning: int = 0
    listed: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add to the list while there is room."""
        if len(self.listed) < MAX_LISTED:
            self.listed.append(text)


class DuplicateSearch:
    """Walks the rows of a text space (position by position) and drops what others already say.

    Of a set of duplicates the first row is kept, so the order of the rows decides.
    """

    def __init__(self, rows: Sequence[Row], space: TextSpace, *, is_free_text: bool) -> None:
        self._rows = rows
        self._space = space
        self._is_free_text = is_free_text
        self._gone: set[int] = set()
        self.findings = Findings()

    def run(self) -> list[int]:
        """Search, and return the positions of the rows that stay, in order."""
        self._same_text(
            self._space.settings.contradictions or ("first" if self._is_free_text else "majority")
        )
        for likeness in self._space.likenesses[1:]:

            def decide(position: int, alike: Alike, how: Likeness = likeness) -> bool:
                return self._keep(position, alike, how)

            self._space.sweep(likeness, self._left(), decide)
        self.findings.ambiguous_left -= self._gone
        return self._left()

    def _left(self) -> list[int]:
        return [position for position in range(len(self._rows)) if position not in self._gone]

    def _drop(self, position: int, reason: str, detail: str) -> None:
        if position not in self._gone:
            self._gone.add(position)
            self.findings.rejected.append(rejected(self._rows[position], reason, detail))

    def _same_text(self, policy: Policy) -> None:
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for position, row in enumerate(self._rows):
            groups[_identity(row)].append(position)
        for group in groups.values():
            if len(group) > 1:
                self._settle(group, policy)

    def _settle(self, group: list[int], policy: Policy) -> None:
        """Rows of one text: the same output is a duplicate, different outputs are a contradiction."""
        outputs = {position: stable_bytes(self._rows[position].output) for position in group}
        votes = Counter(outputs.values())
        if len(votes) > 1:
            self.findings.contradictions += 1
            self.findings.contradicting_rows += len(group)
            self.findings.note(f"contradiction: {', '.join(self._rows[one].id for one in group[:5])}")
        winner = _winner([outputs[position] for position in group], votes, policy)
        first = next((position for position in group if outputs[position] == winner), None)
        for position in group:
            if position == first:
                continue
            if first is not None and outputs[position] == winner:
                self._drop(position, "exact_duplicate", f"the same as {self._rows[first].id}")
            else:
                self._drop(position, "contradiction", f"{len(votes)} different outputs for this text")

    def _keep(self, position: int, alike: Alike, likeness: Likeness) -> bool:
        row = self._rows[position]
        relations = [
            (other, similarity, relation(row, self._rows[other], is_free_text=self._is_free_text))
            for other, similarity in alike
        ]
        for other, similarity, how in relations:
            if how is Relation.SAME:
                detail = f"{similarity:.3f} like {self._rows[other].id}, with the same output"
                self._drop(position, f"{likeness.value}_duplicate", detail)
                return False
        for other, similarity, how in relations:
            if how is Relation.AMBIGUOUS:
                self._ambiguous(position, other, similarity, likeness)
        return True

    def _ambiguous(self, position: int, other: int, similarity: float, likeness: Likeness) -> None:
        if (
            likeness is Likeness.SEMANTIC
        ):  # weaker evidence: texts of the same words may differ in their order
            self.findings.alike_in_meaning += 1
            return
        ids = self._rows[position].id, self._rows[other].id
        self.findings.ambiguous += 1
        self.findings.ambiguous_left |= {position, other}
        self.findings.note(f"ambiguous: {ids[1]} and {ids[0]} ({similarity:.3f} alike)")
        if self._space.settings.ambiguous == "reject":
            self._drop(position, "ambiguous", f"{similarity:.3f} like {ids[1]}, with another output")
            self._drop(other, "ambiguous", f"{similarity:.3f} like {ids[0]}, with another output")


def _identity(row: Row) -> tuple[str, ...]:
    """The text; for a preference pair, with both its answers in either order."""
    text = " ".join(row.text.split())
    if row.rejected_output is None:
        return (text,)
    return (text, *sorted(stable_bytes(one).hex() for one in (row.output, row.rejected_output)))


def _winner(outputs: Sequence[bytes], votes: Counter[bytes], policy: Policy) -> bytes | None:
    """The output that is kept; None where none is."""
    if len(votes) == 1 or policy == "first":
        return outputs[0]
    (best, most), (_, second) = votes.most_common(2)
    return best if policy == "majority" and most > second else None
