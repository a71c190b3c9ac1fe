"""Hostile schemas by family, as JSON text: what a caller could send to stall, crash or fool a gateway.

Every draw holds a name of its own in a part that bears meaning, so that no cache of verdicts helps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random

from benchmarks.structured.hostile_shapes import SHAPES
from benchmarks.structured.hostile_values import VALUES

Family = Callable[[Random], str]
FAMILIES: Mapping[str, Family] = {family.__name__.replace("_", "-"): family for family in (*SHAPES, *VALUES)}


def hostile(seed: int) -> Iterator[tuple[str, str]]:
    """Yield `(family, text)` without end; each round takes every family once, in another order."""
    rng = Random(seed)
    while True:
        names = sorted(FAMILIES)
        rng.shuffle(names)
        for name in names:
            yield name, FAMILIES[name](rng)
