"""What scanning and copying do to a page: confused letters, odd spaces, lost line breaks, stray marks."""

from __future__ import annotations

import random
import re

from training.data.invoices.page import GUARD_CLOSE, GUARD_OPEN

_CONFUSED = {
    "o": "0",
    "O": "0",
    "l": "1",
    "I": "l",
    "i": "l",
    "S": "5",
    "s": "5",
    "B": "8",
    "e": "c",
    "m": "rn",
    "a": "o",
    "t": "f",
    "g": "q",
    "u": "v",
    "n": "ri",
    ":": ";",
    ".": ",",
}
_STRAY = ("|", "~", "_", "'", "`", "*", "^", "»", "-", ".")
_GUARDED = re.compile(f"({GUARD_OPEN}[^{GUARD_CLOSE}]*{GUARD_CLOSE})")


def scan(text: str, rng: random.Random) -> str:
    """Damage half of the pages as a scanner might; guarded values keep their characters."""
    if rng.random() < 0.5:
        return text
    level = rng.choice((0.005, 0.01, 0.02, 0.04))
    parts = _GUARDED.split(text)
    damaged = "".join(part if part.startswith(GUARD_OPEN) else _confuse(part, rng, level) for part in parts)
    return _break_lines(damaged, rng)


def unguard(text: str) -> str:
    """Take the guards away; a full stop that a guarded value already ends with is not written twice."""
    once = text.replace(f".{GUARD_CLOSE}.", f".{GUARD_CLOSE}")
    return once.replace(GUARD_OPEN, "").replace(GUARD_CLOSE, "")


def _confuse(text: str, rng: random.Random, level: float) -> str:
    written = []
    for character in text:
        roll = rng.random()
        if roll < level:
            written.append(_CONFUSED.get(character, character))
        elif roll < level * 1.25 and character == " ":
            written.append(" " * rng.randint(2, 8))
        elif roll < level * 1.1 and character.isalpha():
            written.append(character + " ")
        else:
            written.append(character)
    return "".join(written)


def _break_lines(text: str, rng: random.Random) -> str:
    """Join some lines, leave blanks between others, put a stray mark on a few."""
    join, blank, mark = rng.choice((0, 0, 0.1, 0.5)), rng.choice((0, 0.1, 0.3)), rng.choice((0, 0, 0.08))
    written = []
    for line in text.split("\n"):
        stray = f"{rng.choice(_STRAY)} " if rng.random() < mark else ""
        end = " " if rng.random() < join else "\n\n" if rng.random() < blank else "\n"
        written.append(f"{stray}{line}{end}")
    return "".join(written).strip("\n")
