"""Abusive words: the floor under any screening of answers. No list finds meaning, irony or new words."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final[dict[str, str]] = {
    "en": (
        "idiot idiots moron morons bastard bastards bitch bitches bullshit shit fuck fucking fucker "
        "motherfucker asshole assholes dickhead cunt wanker scumbag scumbags dumbass jackass dipshit "
        "imbecile whore"
    ),
    "de": "arschloch arschlöcher idiot idioten scheiße scheißkerl wichser hurensohn fotze schlampe",
    "fr": "connard connards connasse salope putain enculé merde imbécile imbéciles abruti",
    "es": "gilipollas cabrón cabrones puta putas mierda imbécil imbéciles pendejo hijoputa",
    "it": "stronzo stronzi stronza cazzo merda vaffanculo imbecille imbecilli puttana coglione",
    "pt": "caralho merda imbecil imbecis filho-da-puta puta cabrão porra cuzão otário",
    "nl": "klootzak klootzakken hoer idioot idioten godverdomme",
}
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_ALL = frozenset(word for words in _WORDS.values() for word in words.split())
_MIN_FORBIDDEN_LETTERS = 5
"""`GoldenRow.forbidden` is looked for inside words too, where a short one would be found by chance."""


def abusive_words(language: str) -> list[str]:
    """The list of one language, without words so short that they stand in harmless ones."""
    return [word for word in _WORDS[language].split() if len(word) >= _MIN_FORBIDDEN_LETTERS]


def words_in(text: str) -> list[str]:
    """The abusive words of a text in any listed language, each once, in order."""
    found = (word.casefold() for word in _WORD.findall(text))
    return list(dict.fromkeys(word for word in found if word in _ALL))
