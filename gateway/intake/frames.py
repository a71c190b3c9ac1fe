"""Frames on a worker's pipes: a JSON header and raw parts, each preceded by its length."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

HEADER = struct.Struct(">III")
"""Bytes of the JSON header, of the contract and of the text."""

Frame = tuple[dict[str, Any], bytes, bytes]


def packed(header: dict[str, Any], contract: bytes = b"", text: bytes = b"") -> bytes:
    """Write one frame."""
    head = json.dumps(header).encode("ascii")
    return HEADER.pack(len(head), len(contract), len(text)) + head + contract + text


def read_frame(stream: BinaryIO) -> Frame | None:
    """Read one frame; None at the end of the stream."""
    sizes = stream.read(HEADER.size)
    if len(sizes) < HEADER.size:
        return None
    head, contract, text = HEADER.unpack(sizes)
    return json.loads(stream.read(head)), stream.read(contract), stream.read(text)
