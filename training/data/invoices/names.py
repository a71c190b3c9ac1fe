"""Company names by combination; a name belongs to one split only, by its own hash."""

from __future__ import annotations

import hashlib
import random
import unicodedata
from collections.abc import Sequence
from enum import StrEnum

from training.data.invoices.languages.words import Words

_ONSETS = (
    "Ar",
    "Bel",
    "Cor",
    "Dal",
    "El",
    "Fen",
    "Gar",
    "Hal",
    "Ist",
    "Jor",
    "Kel",
    "Lum",
    "Mar",
    "Nor",
    "Or",
)
_ONSETS_MORE = (
    "Pra",
    "Quin",
    "Ros",
    "Sol",
    "Tri",
    "Ul",
    "Ver",
    "West",
    "Xen",
    "Yar",
    "Zen",
    "Blue",
    "Iron",
    "Sky",
    "Red",
)
_MIDDLES = ("", "", "", "a", "e", "i", "o", "an", "en", "ter", "mo", "li", "ra", "do", "ve", "sta")
_ENDINGS = (
    "tech",
    "via",
    "mont",
    "dor",
    "wave",
    "field",
    "stone",
    "line",
    "nova",
    "tron",
    "berg",
    "land",
    "ix",
    "aro",
)
_ENDINGS_MORE = (
    "gate",
    "mark",
    "port",
    "wick",
    "leaf",
    "systems",
    "worx",
    "sen",
    "tal",
    "via",
    "bridge",
    "point",
    "ora",
    "eon",
)
_PLAIN = (
    *(
        "Summit",
        "Evergreen",
        "Harbor",
        "Riverside",
        "Sunrise",
        "Granite",
        "Falcon",
        "Maple",
        "Silver Lake",
        "Orchid",
    ),
    *(
        "Lantern",
        "Anchor",
        "Copper",
        "Juniper",
        "Beacon",
        "Cedar",
        "Atlas",
        "Orion",
        "Aurora",
        "Delta",
        "Vertex",
        "Pioneer",
    ),
    *(
        "Heritage",
        "Crescent",
        "Bright",
        "Global",
        "Metro",
        "Pacific",
        "Alpine",
        "Golden Gate",
        "Green Valley",
        "First Choice",
    ),
    *(
        "Nordic",
        "Union",
        "Apex",
        "Crown",
        "Star",
        "Prime",
        "Blue Ocean",
        "Old Town",
        "Stonebridge",
        "Quick",
        "Eagle",
        "Fox",
    ),
)
_HELD_OUT_SHARE = 5
_RESERVED = ("acme supplies", "northwind traders")
"""Names of the documentation's examples: no generated invoice carries them."""


class Split(StrEnum):
    """Which part a row belongs to; the two share no vendor name."""

    TRAIN = "train"
    HELDOUT = "heldout"


def split_of(name: str) -> Split:
    """The split that owns a company name, whatever its case or accents."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    key = "".join(character for character in plain if character.isalnum())
    bucket = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big")
    return Split.HELDOUT if bucket % _HELD_OUT_SHARE == 0 else Split.TRAIN


def company(rng: random.Random, words: Words, forms: Sequence[str], split: Split) -> str:
    """Draw a company name that belongs to the split; `forms` are what may follow it, such as `Ltd`."""
    while True:
        stem = rng.choice(words.surnames) if rng.random() < 0.35 else _invented(rng)
        core = rng.choice(words.trades).format(name=stem)
        if split_of(core) is split and core.casefold() not in _RESERVED:
            break
    form = rng.choice(forms)
    return f"{core} {form}".strip()


def _invented(rng: random.Random) -> str:
    style = rng.random()
    if style < 0.1:
        return "".join(rng.choice("ABCDEFGHKLMNPRSTVWZ") for _ in range(rng.choice((2, 3, 3, 4))))
    if style < 0.4:
        return rng.choice(_PLAIN)
    onset = rng.choice(_ONSETS + _ONSETS_MORE)
    name = onset + rng.choice(_MIDDLES) + rng.choice(_ENDINGS + _ENDINGS_MORE)
    if style < 0.5:
        return f"{name} {rng.choice(_ONSETS)}{rng.choice(_ENDINGS)}"
    if style < 0.55:
        return f"{name}-{rng.choice(_ENDINGS).capitalize()}"
    if style < 0.6:
        return f"{name} {rng.randint(2, 99)}"
    return name
