"""General examples that are mixed into train, so that tuning on one task forgets less."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from training.data.examples import REPLAY_SOURCE
from training.data.pipeline.rows import Row, content_key


def chosen_for_replay(rows: Sequence[Row], wanted: int, seed: int) -> list[Row]:
    """At most `wanted` rows, each text once, by the order of a seeded hash of the text.

    What is chosen for a smaller number is chosen for a larger one too.
    """
    by_text = {row.text: row for row in reversed(rows)}
    return sorted(by_text.values(), key=lambda row: _rank(row, seed))[:wanted]


def marked_as_replay(row: Row) -> Row:
    """The row as train holds it: no group, no slice, and an id of its own."""
    name = f"replay-{content_key(row)[:16]}"
    return replace(row, source=REPLAY_SOURCE, id=name, group="", slice="", rejected_output=None)


def _rank(row: Row, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{row.text}".encode()).digest()
