"""A perturbed row: where it comes from, and chance that depends on seed, suite and row alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from training.evaluate.golden import GoldenRow

MAX_FORBIDDEN = 50
"""The bound of `GoldenRow.forbidden`."""


def chance(seed: int, name: str, version: int, row_id: str) -> random.Random:
    """A random source of one row, which other rows and their order do not touch."""
    return random.Random(f"{seed}/{name}/{version}/{row_id}")  # noqa: S311 - no secret


def variant(row: GoldenRow, suite: str, kind: str, text: str, forbidden: Sequence[str] = ()) -> GoldenRow:
    """The row with another text; `kind` says what was done, in its id and as a slice."""
    return row.model_copy(
        update={
            "id": f"{row.id}~{suite}.{kind}",
            "text": text,
            "variant_of": row.id,
            "suite": suite,
            "slices": (*row.slices, f"{suite}.{kind}"),
            "forbidden": (*row.forbidden, *forbidden)[:MAX_FORBIDDEN],
        }
    )


def originals(rows: Sequence[GoldenRow]) -> Iterator[tuple[int, GoldenRow]]:
    """Rows that no suite made, numbered: the number chooses the kind, so that all kinds come up."""
    return enumerate(row for row in rows if not row.suite)
