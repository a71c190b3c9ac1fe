"""Small changes of a text that must not change its decision: for fitting, and for measuring it."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import MappingProxyType

_NEIGHBOURS = MappingProxyType(
    dict(zip("abcdefghijklmnopqrstuvwxyz", "svxswdfguhjknbiowearycqztx", strict=True))
)
_OPENINGS = ("please", "hi,", "hello there,", "could you please", "hey, quick one:", "good morning,")
_CLOSINGS = ("thanks", "thank you!", "please", "thanks a lot in advance", "?", "many thanks", "asap please")
_LONG_TEXT = 400
"""From this length a typo a word would change what the text is; only every eighth word gets one."""


def with_typos(text: str, chance: random.Random) -> str:
    """Swap, drop, double or replace one letter in about a quarter of the longer words, in one at least."""
    words = text.split(" ")
    places = [number for number, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    share = 8 if len(text) > _LONG_TEXT else 4
    for number in chance.sample(places, min(len(places), max(1, len(places) // share))):
        words[number] = _misspelt(words[number], chance)
    return " ".join(words)


def with_politeness(text: str, chance: random.Random) -> str:
    """Add an opening, a closing or both."""
    opening, closing = chance.choice(_OPENINGS), chance.choice(_CLOSINGS)
    return chance.choice((f"{opening} {text}", f"{text} {closing}", f"{opening} {text} {closing}"))


def without_question_mark(text: str, _: random.Random) -> str:
    """Drop the final punctuation, or add a question mark where there is none."""
    bare = text.rstrip("?!. ")
    return bare if bare and bare != text else f"{text}?"


def in_upper_case(text: str, _: random.Random) -> str:
    """The whole text in capitals."""
    return text.upper()


CHANGES: MappingProxyType[str, Callable[[str, random.Random], str]] = MappingProxyType(
    {
        "typos": with_typos,
        "politeness": with_politeness,
        "question_mark": without_question_mark,
        "upper_case": in_upper_case,
    }
)


def noisy_copies(text: str, copies: int, chance: random.Random) -> list[str]:
    """Copies for fitting: the first with typos, the second polite, then by turns with both."""
    made = [with_typos(text, chance), with_politeness(text, chance)]
    made += [with_politeness(with_typos(text, chance), chance) for _ in range(max(copies - 2, 0))]
    return made[:copies]


def _misspelt(word: str, chance: random.Random) -> str:
    place = chance.randrange(1, len(word) - 1)
    match chance.randrange(4):
        case 0:
            return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        case 1:
            return word[:place] + word[place + 1 :]
        case 2:
            return word[:place] + word[place] + word[place:]
        case _:
            return word[:place] + _NEIGHBOURS.get(word[place].lower(), "e") + word[place + 1 :]
