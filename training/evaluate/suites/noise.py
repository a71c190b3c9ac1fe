"""Suites of small damage: typing errors, case, punctuation, white space and misread letters."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from training.evaluate.golden import GoldenRow
from training.evaluate.suites.spans import Text
from training.evaluate.suites.variant import chance, originals, variant
from training.spans import Span

Edits = dict[Span, str]
Kind = Callable[[Text, random.Random], Edits]

_MAX_WORDS = 12
_TYPO_LETTERS = 5
"""Short words are left alone: one letter may make "not" of "now"."""
_KEYBOARD = {
    key: neighbours
    for row, below in (("qwertyuiop", "asdfghjkl"), ("asdfghjkl", "zxcvbnm"))
    for at, key in enumerate(row)
    for neighbours in [row[max(0, at - 1) : at] + row[at + 1 : at + 2] + below[at : at + 1]]
}
_MISREAD = (
    ("rn", "m"),
    ("m", "rn"),
    ("cl", "d"),
    ("vv", "w"),
    ("l", "1"),
    ("o", "0"),
    ("i", "l"),
    ("e", "c"),
    ("S", "5"),
    ("B", "8"),
    ("g", "9"),
    ("u", "ii"),
)
_MARKS = re.compile(r"[.,;:!?]+")


@dataclass(frozen=True, slots=True)
class NoiseSuite:
    """One kind of damage a row, in turn; a row where nothing may be touched is left out."""

    name: str
    kinds: Mapping[str, Kind]
    version: int = 1

    def variants(self, rows: Sequence[GoldenRow], seed: int) -> list[GoldenRow]:
        """At most one variant of each row."""
        made = []
        for number, row in originals(rows):
            text = Text(row.text, row.output)
            kind = list(self.kinds)[number % len(self.kinds)]
            damaged = text.with_edits(self.kinds[kind](text, chance(seed, self.name, self.version, row.id)))
            if damaged != row.text:
                made.append(variant(row, self.name, kind, damaged))
        return made


def _some_words(text: Text, rng: random.Random, share: float, min_letters: int) -> list[Span]:
    words = text.free_words(min_letters)
    count = min(len(words), _MAX_WORDS, max(1, round(len(words) * share)))
    return rng.sample(words, count)


def _swapped(word: str, rng: random.Random) -> str:
    places = [at for at in range(1, len(word) - 2) if word[at] != word[at + 1]]
    if not places:
        return word[:-2] + word[-1]
    at = rng.choice(places)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _dropped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1 :]


def _doubled(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + word[at] + word[at:]


def _slipped(word: str, rng: random.Random) -> str:
    places = [at for at in range(1, len(word)) if word[at] in _KEYBOARD]
    if not places:
        return _dropped(word, rng)
    at = rng.choice(places)
    return word[:at] + rng.choice(_KEYBOARD[word[at]]) + word[at + 1 :]


def _typing(change: Callable[[str, random.Random], str]) -> Kind:
    def kind(text: Text, rng: random.Random) -> Edits:
        return {span: change(text.at(span), rng) for span in _some_words(text, rng, 0.1, _TYPO_LETTERS)}

    return kind


def _casing(change: Callable[[str], str]) -> Kind:
    def kind(text: Text, _rng: random.Random) -> Edits:
        return {span: change(text.at(span)) for span in text.free_words(1)}

    return kind


def _misread(text: Text, rng: random.Random) -> Edits:
    edits = {}
    for span in _some_words(text, rng, 0.15, _TYPO_LETTERS):
        word = text.at(span)
        possible = [(seen, read) for seen, read in _MISREAD if seen in word]
        if possible:
            seen, read = rng.choice(possible)
            edits[span] = word.replace(seen, read, 1)
    return edits


def _marks(text: Text) -> list[Span]:
    """Punctuation that ends a free token and stands before another free one, or at the end."""
    found = []
    last = len(text.tokens) - 1
    for at, token in enumerate(text.tokens):
        is_free = not text.kept[at] and (at == last or not text.kept[at + 1])
        match = _MARKS.search(text.at(token)) if is_free else None
        if match and token.start + match.end() == token.end and match.start() > 0:
            found.append(Span(token.start + match.start(), token.end))
    return found


def _unmarked(text: Text, _rng: random.Random) -> Edits:
    return dict.fromkeys(_marks(text), "")


def _overmarked(text: Text, _rng: random.Random) -> Edits:
    return {span: text.at(span)[-1] * 3 for span in _marks(text) if text.at(span)[-1] in ".!?"}


def _wide_gaps(text: Text, rng: random.Random) -> Edits:
    gaps = [gap for gap in text.free_gaps() if text.at(gap) == " "]
    chosen = rng.sample(gaps, min(len(gaps), max(1, len(gaps) // 5)))
    return {gap: rng.choice(("  ", "   ", "\t")) for gap in chosen}


def _blank_lines(text: Text, rng: random.Random) -> Edits:
    gaps = [gap for gap in text.free_gaps() if "\n" in text.at(gap)]
    chosen = rng.sample(gaps, min(len(gaps), max(1, len(gaps) // 3)))
    return {gap: text.at(gap).replace("\n", rng.choice(("\n\n", "  \n", "\r\n")), 1) for gap in chosen}


SUITES = (
    NoiseSuite(
        "typos",
        {
            "swapped": _typing(_swapped),
            "dropped": _typing(_dropped),
            "doubled": _typing(_doubled),
            "slipped": _typing(_slipped),
        },
    ),
    NoiseSuite("case", {"upper": _casing(str.upper), "lower": _casing(str.lower)}),
    NoiseSuite("punctuation", {"missing": _unmarked, "repeated": _overmarked}),
    NoiseSuite("white-space", {"gaps": _wide_gaps, "lines": _blank_lines}),
    NoiseSuite("ocr", {"misread": _misread}),
)
