"""Texts that mean nearly the same: cosine of static embeddings, exact, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from training.data.pipeline.encoder import Vectors
from training.data.pipeline.near import MAX_CANDIDATES, Decide

_BLOCK: Final = 512
_SLACK: Final = 1e-4
"""Candidates are taken this far under the threshold and then computed again in float64, in one order, so that
the verdict is the same on every machine."""


def sweep_semantic(vectors: Vectors, threshold: float, positions: Sequence[int], decide: Decide) -> None:
    """Walk the positions in order; each is decided in the light of those kept before it.

    `vectors` [n, dims] are unit vectors, or zeros for a text that is like no other.
    """
    kept = np.empty(len(positions), dtype=np.int64)
    matrix = np.empty((len(positions), vectors.shape[1]), dtype=np.float32)
    count = 0
    for start in range(0, len(positions), _BLOCK):
        block = list(positions[start : start + _BLOCK])
        own = vectors[block]
        before = own @ matrix[:count].T
        within = own @ own.T
        added: list[int] = []
        for row, position in enumerate(block):
            earlier = kept[np.flatnonzero(before[row] >= threshold - _SLACK)[:MAX_CANDIDATES]]
            inside = [block[other] for other in added if within[row, other] >= threshold - _SLACK]
            found = [*earlier.tolist(), *inside][:MAX_CANDIDATES]
            alike = [(other, cosine(vectors, position, other)) for other in found]
            if decide(position, [pair for pair in alike if pair[1] >= threshold]):
                added.append(row)
        for row in added:
            kept[count], matrix[count] = block[row], own[row]
            count += 1


def cosine(vectors: Vectors, first: int, second: int) -> float:
    """The cosine of two unit vectors to six digits."""
    product = vectors[first].astype(np.float64) * vectors[second]
    return round(float(product.sum()), 6)
