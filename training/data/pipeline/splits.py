"""Which split a row belongs to: a function of its own group or text and the seed, of no other row."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from training.data.pipeline.near import fold
from training.data.pipeline.rows import Row
from training.data.pipeline.spec import Splits

_DIGITS: Final = re.compile(r"\d+")


def split_of(row: Row, settings: Splits) -> str:
    """`train`, `validation` or `test`. Since no other row has a say, new rows never move an old one."""
    if row.pinned:
        return row.pinned
    share = int.from_bytes(_digest(row, settings)[:8], "big") / 2**64
    if share < settings.train:
        return "train"
    return "validation" if share < settings.train + settings.validation else "test"


def _digest(row: Row, settings: Splits) -> bytes:
    return hashlib.sha256(f"{settings.seed}\0{split_key(row, settings)}".encode()).digest()


def split_key(row: Row, settings: Splits) -> str:
    """What rows share that must stay together."""
    if row.group:
        return f"group {row.group}"
    text = fold(row.text)
    return f"text {_DIGITS.sub('#', text) if settings.key == 'text-without-numbers' else text}"
