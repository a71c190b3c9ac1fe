"""Damage: typing errors, capitals, lost punctuation, marks of the mail program."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

_NEIGHBOURS: Final = dict(
    zip(
        "abcdefghiklmnoprstu",
        (
            "sq",
            "vn",
            "xv",
            "sf",
            "wr",
            "dg",
            "fh",
            "gj",
            "uo",
            "jl",
            "ko",
            "nk",
            "bm",
            "ip",
            "ol",
            "et",
            "ad",
            "ry",
            "yi",
        ),
        strict=True,
    )
)
_SHORT: Final = {
    "please": "pls",
    "you": "u",
    "your": "ur",
    "are": "r",
    "because": "cuz",
    "thanks": "thx",
    "with": "w/",
    "and": "&",
    "to": "2",
    "for": "4",
    "cannot": "cant",
    "the": "teh",
}
_EMOJI: Final = ("😡", "🙏", "😭", "🤷", "👍", "!!!", "???", "🙄", "…", ":(")
_TYPED_LETTERS: Final = 3


def type_badly(text: str, rng: random.Random) -> str:
    """Swap, drop, double or miss a letter in some words."""
    share = rng.choice((0.05, 0.1, 0.2))
    return " ".join(_typo(word, rng) if rng.random() < share else word for word in text.split(" "))


def _typo(word: str, rng: random.Random) -> str:
    if len(word) <= _TYPED_LETTERS or not word.isalpha():
        return word
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(_NEIGHBOURS.get(word[at], word[at])) + word[at + 1 :]


def _shorten(text: str, rng: random.Random) -> str:
    share = rng.choice((0.3, 0.8))
    return " ".join(
        _SHORT[word.lower()] if word.lower() in _SHORT and rng.random() < share else word
        for word in text.split(" ")
    )


def _unpunctuated(text: str, rng: random.Random) -> str:
    return (
        text.translate(str.maketrans("", "", ".,;:?!'"))
        if rng.random() < 0.5
        else text.lower().replace(". ", " ")
    )


def _shouted(text: str, rng: random.Random) -> str:
    return text.upper() if rng.random() < 0.7 else text.upper().replace(".", "!!!")


def _decorated(text: str, rng: random.Random) -> str:
    return f"{text} {' '.join(rng.choices(_EMOJI, k=rng.randint(1, 3)))}"


def _as_html(text: str, rng: random.Random) -> str:
    line = rng.choice(("<br>", "<br/>\n", "&nbsp;\n"))
    return f"<p>{text.replace(chr(10), line)}</p>"


def _one_block(text: str, _rng: random.Random) -> str:
    return " ".join(text.split())


_DAMAGE: Final[dict[Callable[[str, random.Random], str], int]] = {
    type_badly: 10,
    _shorten: 4,
    _unpunctuated: 5,
    _shouted: 4,
    _decorated: 4,
    _as_html: 1,
    _one_block: 2,
}


def damage(text: str, rng: random.Random) -> str:
    """Damage a ticket in one to three ways; its words can still be made out."""
    for _ in range(rng.choice((1, 2, 2, 3))):
        text = rng.choices(list(_DAMAGE), list(_DAMAGE.values()))[0](text, rng)
    return text
