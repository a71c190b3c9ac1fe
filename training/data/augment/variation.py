"""Values that nobody has seen: other words, digits and letters, the same in an output and in its text.

Swapped values come from a pool that a small model learns by heart; it then recalls a value where it should
copy one. A varied value can only be copied.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

from training.data.augment.spans import letter_offsets
from training.data.augment.values import new_digits

_WORD = re.compile(r"[^\W\d_]{3,}")
_MOST_WORDS = 0.5
_LETTER_RATE = 0.03


def words_of(values: Sequence[str]) -> list[str]:
    """The distinct words of three letters or more, in order."""
    return sorted({word for value in values for word in _WORD.findall(value)})


def varied(
    output: str,
    written: Sequence[str],
    words: Sequence[str],
    confusions: Mapping[str, str],
    rng: random.Random,
) -> tuple[str, list[str]]:
    """The value with other words, digits and letters, and each way that the text writes it changed alike.

    Up to half of the words become others of `words`, in the case of the old one; numbers get other digits; in
    every second value some letters are misread. Signs and line breaks stay where they stood. What is written
    must have the letters and digits of `output`, whatever its case, as `find_value` finds it.
    """
    edits = _edits(output, words, confusions, rng)
    return _rewritten(output, edits), [_rewritten(one, edits) for one in written]


def _edits(
    value: str, words: Sequence[str], confusions: Mapping[str, str], rng: random.Random
) -> dict[int, str]:
    """What stands in the place of the n-th letter or digit of a value, where it is another."""
    order = {offset: at for at, offset in enumerate(letter_offsets(value))}
    edits: dict[int, str] = {}
    if rng.random() < 0.5:
        for offset, at in order.items():
            read = confusions.get(value[offset].upper(), "")
            if rng.random() < _LETTER_RATE and read.isalnum():
                edits[at] = _cased(read, value[offset])
    if rng.random() < 0.7:
        fresh = new_digits(value, rng)
        edits |= {order[at]: fresh[at] for at in order if value[at].isdigit() and fresh[at] != value[at]}
    rate = rng.uniform(0, _MOST_WORDS)
    for word in _WORD.finditer(value):
        if words and rng.random() < rate:
            places = [order[at] for at in range(word.start(), word.end()) if at in order]
            edits |= dict.fromkeys(places, "") | {places[0]: _cased(rng.choice(words), word[0])}
    return edits


def _rewritten(value: str, edits: Mapping[int, str]) -> str:
    signs = list(value)
    for at, offset in enumerate(letter_offsets(value)):
        signs[offset] = edits.get(at, signs[offset])
    return "".join(signs)


def _cased(new: str, old: str) -> str:
    if old.isupper():
        return new.upper()
    return new.lower() if old.islower() else new.capitalize()
