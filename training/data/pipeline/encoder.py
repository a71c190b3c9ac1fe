"""The static encoder's artifact, read as files: a vector for each text, for comparing meanings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from tokenizers import Tokenizer

from contracts.canonical import content_hash
from training.errors import DatasetError

SHIPPED: Final = ("models", "static-minilm")
"""Where the shipped encoder lies, among the resources of the package `router`. Its files cross, no code."""

_HEAD_CHARACTERS: Final = 8_192
_FILES: Final = ("manifest.json", "vectors.safetensors", "tokenizer.json")

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StaticEncoder:
    """`rows` [vocabulary, dims] int8 times `scales` [vocabulary], averaged over a text's tokens."""

    name: str
    rows: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]
    tokenizer: Tokenizer

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector for each text, [n, dims], of its first 8,192 characters; zeros without a token."""
        vectors = np.zeros((len(texts), self.rows.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), 1024):
            batch = [text[:_HEAD_CHARACTERS] for text in texts[start : start + 1024]]
            for row, encoding in enumerate(self.tokenizer.encode_batch(batch, add_special_tokens=False)):
                vectors[start + row] = self._vector(encoding.ids)
        return vectors

    def _vector(self, ids: list[int]) -> Vectors:
        # Summed in float64 in one order, so that the same text has the same vector on every machine.
        total = (self.scales[ids, None].astype(np.float64) * self.rows[ids]).sum(axis=0)
        norm = float(np.sqrt((total * total).sum()))
        return np.asarray(total / norm if norm > 0 else total, dtype=np.float32)


def load_encoder(folder: Path | None) -> StaticEncoder:
    """Read an encoder folder, or the shipped one, and verify its digest.

    Raises:
        DatasetError: a file is missing or altered, or is not of this form.
    """
    place = folder or files("router").joinpath(*SHIPPED)
    try:
        manifest, vectors, tokenizer = (place.joinpath(name).read_bytes() for name in _FILES)
        said = json.loads(manifest)
        if content_hash(vectors, tokenizer) != said["digest"]:
            raise DatasetError(f"encoder {place}: its files differ from the digest in manifest.json")
        tensors = load_tensors(vectors)
        rows, scales = tensors["rows"], tensors["scales"].astype(np.float32)
        if rows.dtype != np.int8 or rows.ndim != 2 or scales.shape != rows.shape[:1]:
            raise DatasetError(f"encoder {place}: rows are {rows.dtype} {rows.shape}, int8 is expected")
        return StaticEncoder(str(said["name"]), rows, scales, Tokenizer.from_buffer(tokenizer))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DatasetError(f"encoder {place}: cannot be read: {error}") from error
