"""One written form for texts that differ only in how they are typed, and their words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_BORDER = "\x1f"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"
_QUOTES = "\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4\u0060"
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"
_PAST_DIGITS = 0x20000
"""No script has its digits further on."""
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"

# Scripts that put no space between words, where every character is a word: Thai to Burmese, Khmer,
# kana, Han, Hangul.
_UNSPACED = (
    "\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# A normal form takes time in the square of the combining marks that follow one another.
_PIECE = re.compile(r"\S{1,200}|[^\S ]+")
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+|[^\w\s]|_")


def normalise(text: str) -> str:
    """Fold case, compatibility forms (NFKC), digits of any script, dashes and quotes; drop the invisible."""
    if text.isascii():
        return text.casefold()
    return _PIECE.sub(lambda piece: _folded(piece[0]), text).translate(_replacements())


def words_of(normalised: str) -> str:
    """Every word and sign between borders, so that `in` finds whole words only, however they are spaced."""
    return "".join((_BORDER, *(f"{word}{_BORDER}" for word in _WORD.findall(normalised))))


def _folded(piece: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", piece).casefold())


def without_accents(text: str) -> str:
    """Leave the base letters."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


@cache
def _replacements() -> dict[int, str | None]:
    table: dict[int, str | None] = dict.fromkeys(map(ord, _INVISIBLE))
    for characters, written in ((_DASHES, "-"), (_QUOTES, "'"), (_DOUBLE_QUOTES, '"')):
        table |= dict.fromkeys(map(ord, characters), written)
    for code in range(128, _PAST_DIGITS):
        digit = unicodedata.decimal(chr(code), None)
        if digit is not None:
            table[code] = str(digit)
    return table
