"""Text to vector: the features of the router, one copy for fitting and for serving.

Two views of the normalised text: the static encoder's unit vector, and hashed word and character n-grams,
which keep what an average of token vectors loses (word order, exact terms, misspelt words). Nothing else is
read: not the length, not the sender, not where a text came from.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from router.encoder import Encoder, bounded

FEATURES_VERSION = 1
"""Stored in every bundle; one more with any change of this module that changes a feature."""

HEAD_CHARACTERS = 2_048
TAIL_CHARACTERS = 512
"""What a decision reads of a text: this much of its start and of its end; the rest is never touched."""

_GRAM_SIZES = (2, 3, 4)
_HASHED_NORM = 1.5
"""Norm of the hashed view beside the dense view's 1; cross-validation on the shipped examples chose it."""
_LONGEST = 2 * (HEAD_CHARACTERS + TAIL_CHARACTERS)
"""Bound of the normalised text: compatibility forms may be longer than what they stand for."""

# ASCII punctuation but the dollar sign, Latin-1 punctuation, general and CJK punctuation, full-width forms.
_PUNCTUATION = re.compile(
    r"[!-#%-/:-@\[-`{-~\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2010-\u205e\u3000-\u303f]+"
)
# Apostrophes and characters without width: what they separate is one word.
_JOINERS = re.compile(r"['\u2019\u00ad\u200b-\u200f\u2060-\u2064\ufeff]+")
_MULTIPLIER = 0x9E3779B97F4A7C15
_MIXER = np.uint64(0xD6E8FEB86659FD93)
_SPACE, _ZERO, _NINE = (np.uint64(ord(character)) for character in " 09")


def _powers(factor: int) -> npt.NDArray[np.uint64]:
    factors = np.full(_LONGEST + 2, factor, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


_POWERS = _powers(_MULTIPLIER)
_INVERSES = _powers(pow(_MULTIPLIER, -1, 2**64))


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """One text: `dense` [dims] is a unit vector or zeros; `counts` says how often each bucket occurs."""

    dense: npt.NDArray[np.float32]
    buckets: npt.NDArray[np.int64]
    counts: npt.NDArray[np.float32]

    def weights(self, inverse_frequencies: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(1 + ln count) x inverse document frequency of each bucket, scaled to a fixed norm."""
        raw = (1.0 + np.log(self.counts)) * inverse_frequencies[self.buckets]
        norm = float(np.linalg.norm(raw))
        return np.asarray(raw * (_HASHED_NORM / norm) if norm > 0 else raw, dtype=np.float32)


def normalise(text: str) -> str:
    """Fold what must not change a decision: case, punctuation, compatibility forms, runs of white space."""
    kept = unicodedata.normalize("NFKC", bounded(text, HEAD_CHARACTERS, TAIL_CHARACTERS)).casefold()
    return " ".join(_PUNCTUATION.sub(" ", _JOINERS.sub("", kept)).split())[:_LONGEST]


def extract(encoder: Encoder, text: str, bits: int) -> TextFeatures:
    """The features of one text, over 2 ** `bits` buckets; the work is bounded whatever the text's length."""
    return extract_normalised(encoder, normalise(text), bits)


def extract_normalised(encoder: Encoder, text: str, bits: int) -> TextFeatures:
    """The features of a text that `normalise` has returned."""
    buckets, counts = np.unique(_hashes(text) >> np.uint64(64 - bits), return_counts=True)
    return TextFeatures(encoder.vector(text), buckets.astype(np.int64), counts.astype(np.float32))


def _hashes(text: str) -> npt.NDArray[np.uint64]:
    """Hashes of words, word pairs and character n-grams, upper bits well mixed; all digits count as one.

    With S the prefix sums of code x P^i modulo 2^64, (S[end] - S[start]) x P^-start is a polynomial hash of
    any span, so that all spans of one kind take one vector operation.
    """
    if not text:
        return np.empty(0, dtype=np.uint64)
    codes = np.frombuffer(f" {text} ".encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    codes[(codes >= _ZERO) & (codes <= _NINE)] = _ZERO
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(codes * _POWERS[: len(codes)], out=sums[1:])
    gaps = np.flatnonzero(codes == _SPACE)
    spans = [(gaps[:-1] + 1, gaps[1:]), (gaps[:-2] + 1, gaps[2:])]
    spans += [(np.arange(0, len(codes) - size + 1), np.arange(size, len(codes) + 1)) for size in _GRAM_SIZES]
    hashes = [
        ((sums[ends] - sums[starts]) * _INVERSES[starts] + np.uint64(kind)) * _MIXER
        for kind, (starts, ends) in enumerate(spans)
    ]
    return np.concatenate(hashes)
