"""Texts that are nearly the same: MinHash finds candidates, the true Jaccard similarity decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.errors import MissingLibraryError

SHINGLE_CHARACTERS: Final = 5
MAX_CANDIDATES: Final = 64
"""How many kept rows one row is compared with, the earliest first: bounds the work on rows all alike."""

_PERMUTATIONS: Final = 128
_BATCH: Final = 4096
_MISSED_RATIO: Final = 0.005
_MULTIPLIER: Final = np.uint32(0x01000193)

Sketches = npt.NDArray[np.uint32]
Alike = Sequence[tuple[int, float]]
Decide = Callable[[int, Alike], bool]
"""Given a position and those kept before it that are alike (position, similarity): keep this one too?"""


def sketches_of(texts: Iterable[str], count: int) -> Sketches:
    """The MinHash of each text, [count, permutations]."""
    minhash, _ = _datasketch()
    permutations = minhash(num_perm=_PERMUTATIONS, scheme="affine32").permutations
    sketches = np.empty((count, _PERMUTATIONS), dtype=np.uint32)
    for row, text in enumerate(texts):
        sketch = minhash(
            num_perm=_PERMUTATIONS, permutations=permutations, scheme="affine32", hashfunc=_as_is
        )
        hashes = _hashes(text)
        for start in range(0, len(hashes), _BATCH):
            sketch.update_batch(hashes[start : start + _BATCH])
        sketches[row] = sketch.hashvalues
    return sketches


def sweep_near(
    texts: Sequence[str], sketches: Sketches, threshold: float, positions: Iterable[int], decide: Decide
) -> None:
    """Walk the positions in order; each is decided in the light of those kept before it."""
    minhash, lsh = _datasketch()
    index = lsh(num_perm=_PERMUTATIONS, params=_bands(threshold))
    permutations = minhash(num_perm=_PERMUTATIONS, scheme="affine32").permutations
    kept: list[int] = []

    @lru_cache(maxsize=4096)
    def shingles(position: int) -> frozenset[str]:
        return shingles_of(texts[position])

    for position in positions:
        sketch = minhash(hashvalues=sketches[position], permutations=permutations, scheme="affine32")
        found = [kept[number] for number in sorted(index.query(sketch))[:MAX_CANDIDATES]]
        alike = [(other, jaccard(shingles(position), shingles(other))) for other in found]
        if decide(position, [pair for pair in alike if pair[1] >= threshold]):
            index.insert(len(kept), sketch)
            kept.append(position)


def _bands(threshold: float) -> tuple[int, int]:
    """Bands and rows of a band, as many rows as let a pair at the threshold be missed once in 200 times.

    The library's own choice weighs false candidates too and misses a third of such pairs; here a false
    candidate costs one comparison, and a miss is a duplicate that stays.
    """
    for rows in range(_PERMUTATIONS // 2, 1, -1):
        bands = _PERMUTATIONS // rows
        if (1 - threshold**rows) ** bands <= _MISSED_RATIO:
            return bands, rows
    return _PERMUTATIONS, 1


def shingles_of(text: str) -> frozenset[str]:
    """Runs of five characters of the folded text; a shorter text is one run."""
    folded = fold(text)
    last = max(1, len(folded) - SHINGLE_CHARACTERS + 1)
    return frozenset(folded[start : start + SHINGLE_CHARACTERS] for start in range(last))


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Size of the intersection over that of the union."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def fold(text: str) -> str:
    """What case and white space leave: the form in which texts are compared."""
    return " ".join(text.casefold().split())


def _hashes(text: str) -> list[int]:
    """A 32-bit hash of each distinct shingle: a polynomial over its code points, all shingles at once."""
    codes = np.frombuffer(fold(text).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    width = min(SHINGLE_CHARACTERS, len(codes))
    hashes = np.zeros(len(codes) - width + 1, dtype=np.uint32)
    for offset in range(width):
        hashes = (hashes ^ codes[offset : offset + len(hashes)]) * _MULTIPLIER
    return list(np.unique(hashes).tolist())


def _datasketch() -> tuple[Any, Any]:
    try:
        from datasketch import MinHash, MinHashLSH  # noqa: PLC0415 - of the data libraries
    except ModuleNotFoundError as error:
        raise MissingLibraryError("datasketch") from error
    return MinHash, MinHashLSH


def _as_is(value: int) -> int:
    return value
