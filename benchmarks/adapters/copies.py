"""Copies of one adapter that are other versions: their weights differ in the last bit of one number each."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def make_copies(source: Path, out: Path, count: int) -> dict[str, Path]:
    """Write `count` copies of a PEFT folder; the same ones each time, by their names."""
    raw = (source / WEIGHTS).read_bytes()
    # Little-endian numbers: the low bit of a number's first byte is the last of its mantissa.
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    made = {}
    for number in range(count):
        folder = out / f"copy-{number}"
        folder.mkdir(parents=True)
        shutil.copy(source / CONFIG, folder / CONFIG)
        changed = bytearray(raw)
        changed[start + 4 * number] ^= 1
        (folder / WEIGHTS).write_bytes(changed)
        made[folder.name] = folder
    return made
