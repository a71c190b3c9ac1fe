"""What a model is asked in one evaluation: golden rows, perturbed rows, and golden rows once more."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from training.evaluate.frozen import Frozen
from training.evaluate.golden import GoldenRow, check_rows
from training.evaluate.suites import suite_named


@dataclass(frozen=True, slots=True)
class Questions:
    """Everything that one model is asked: golden rows, then perturbed rows, then repeats of golden rows."""

    rows: tuple[GoldenRow, ...]
    variants: tuple[GoldenRow, ...]
    repeats: tuple[GoldenRow, ...]

    def all(self) -> list[GoldenRow]:
        """In the order in which they are asked."""
        return [*self.rows, *self.variants, *self.repeats]


def questions_of(frozen: Frozen) -> Questions:
    """The questions of a specification; the same every time.

    Raises:
        SpecificationError: there is no suite of a name.
        DatasetError: a suite made rows that break the contract.
    """
    spec = frozen.spec
    perturbed = _chosen(frozen.rows, spec.suites.rows, spec.seed)
    variants = tuple(
        row for name in spec.suites.names for row in suite_named(name).variants(perturbed, spec.seed)
    )
    check_rows((*frozen.rows, *variants), frozen.task.output, "suites")
    again = _chosen(frozen.rows, spec.stability.rows, spec.seed) if spec.stability.repeats else []
    return Questions(
        frozen.rows, variants, tuple(row for row in again for _ in range(spec.stability.repeats))
    )


def _chosen(rows: Sequence[GoldenRow], count: int, seed: int) -> list[GoldenRow]:
    """A part of the rows that depends on seed and ids alone, in the order of the rows."""
    drawn = sorted(rows, key=lambda row: hashlib.sha256(f"{seed}/{row.id}".encode()).digest())[:count]
    ids = {row.id for row in drawn}
    return [row for row in rows if row.id in ids]
