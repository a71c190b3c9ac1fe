"""The safetensors file of an adapter: its tensors' shapes, and whether every weight is a number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from gateway.errors import AdapterRefusedError

MAX_HEADER_BYTES: Final = 16 * 1024 * 1024
_CHUNK_VALUES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor's place: `start` and `end` are byte offsets in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


# Exponent bits that are all ones mean an infinity or NaN; bits are read, since numpy has no bfloat16.
_EXPONENTS: Final[Mapping[str, tuple[npt.DTypeLike, int]]] = {
    "F32": (np.dtype("<u4"), 0x7F800000),
    "F16": (np.dtype("<u2"), 0x7C00),
    "BF16": (np.dtype("<u2"), 0x7F80),
}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the header; the library checks that offsets, shapes and the file's length agree.

    Raises:
        AdapterRefusedError: the file is cut, corrupt, or no safetensors file.
    """
    try:
        with path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
            if header_bytes > MAX_HEADER_BYTES:
                raise AdapterRefusedError(f"{path.name}: the header is over {MAX_HEADER_BYTES} bytes")
            header = file.read(header_bytes)
        with safe_open(path, framework="numpy") as checked:
            names = list(checked.keys())
        entries = json.loads(header)
        return {name: _tensor(entries[name], 8 + header_bytes) for name in names}
    except (SafetensorError, ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise AdapterRefusedError(
            f"{path.name}: is cut or corrupt: {str(error)[:300] or type(error).__name__}"
        ) from error


def check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Read every weight once, in pieces of a few MB.

    Raises:
        AdapterRefusedError: a weight is NaN or infinite, or its type is not one that is served.
    """
    with path.open("rb") as file:
        for name, tensor in tensors.items():
            if tensor.dtype not in _EXPONENTS:
                raise AdapterRefusedError(
                    f"{path.name}: tensor {name!r} has type {tensor.dtype}; served are {sorted(_EXPONENTS)}"
                )
            if not _is_finite(file, tensor):
                raise AdapterRefusedError(f"{path.name}: tensor {name!r} holds NaN or infinite weights")


def _tensor(entry: Mapping[str, object], data_start: int) -> Tensor:
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or not isinstance(offsets, list):
        raise TypeError("a tensor's shape and data_offsets are lists")
    start, end = offsets
    return Tensor(
        str(entry["dtype"]), tuple(int(size) for size in shape), data_start + start, data_start + end
    )


def _is_finite(file: BinaryIO, tensor: Tensor) -> bool:
    dtype, mask = _EXPONENTS[tensor.dtype]
    width = np.dtype(dtype).itemsize
    file.seek(tensor.start)
    left = (tensor.end - tensor.start) // width
    while left > 0:
        piece = np.frombuffer(file.read(min(left, _CHUNK_VALUES) * width), dtype=dtype)
        if piece.size == 0 or bool(((piece & mask) == mask).any()):
            return False
        left -= piece.size
    return True
