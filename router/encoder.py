"""The static encoder: one int8 vector for each vocabulary token, averaged over a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from tokenizers import Tokenizer

from contracts.canonical import content_hash

MANIFEST_FILE = "manifest.json"
VECTORS_FILE = "vectors.safetensors"
TOKENIZER_FILE = "tokenizer.json"

HEAD_CHARACTERS = 24_576
TAIL_CHARACTERS = 8_192
"""What `Encoder.embed` reads of one text: this much of its start and end, about 8,000 English tokens."""


class EncoderError(Exception):
    """An encoder folder that is incomplete, altered or of another format."""


class EncoderManifest(BaseModel):
    """What an encoder folder holds and where it comes from; `digest` covers the tokenizer and the vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str = Field(min_length=1)
    source: str
    licence: str
    method: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    dims: int = Field(ge=1)
    vocabulary: int = Field(ge=1)


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded static encoder; immutable, and safe to share between threads.

    `rows` [vocabulary, dims] stays int8 in memory; `scales` [vocabulary] holds each row's quantisation
    step times its frequency weight.
    """

    manifest: EncoderManifest
    rows: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]
    tokenizer: Tokenizer

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Read an encoder folder and verify its digest.

        Raises:
            EncoderError: a file is missing, does not parse, or is not what the manifest says.
        """
        try:
            manifest = EncoderManifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
            vectors, tokenizer = ((folder / name).read_bytes() for name in (VECTORS_FILE, TOKENIZER_FILE))
        except OSError as error:
            raise EncoderError(f"encoder {folder.name!r}: {error.filename}: {error.strerror}") from error
        except ValidationError as error:
            raise EncoderError(f"encoder {folder.name!r}: {MANIFEST_FILE}: {error}") from error
        if encoder_digest(vectors, tokenizer) != manifest.digest:
            raise EncoderError(
                f"encoder {folder.name!r}: its files differ from the digest in {MANIFEST_FILE}"
            )
        return cls._from_bytes(manifest, vectors, tokenizer)

    @classmethod
    def _from_bytes(cls, manifest: EncoderManifest, vectors: bytes, tokenizer: bytes) -> Encoder:
        try:
            tensors = load_tensors(vectors)
            rows, scales = tensors["rows"], tensors["scales"].astype(np.float32)
        except (SafetensorError, KeyError) as error:
            raise EncoderError(f"encoder {manifest.name!r}: {VECTORS_FILE}: {error}") from error
        if rows.dtype != np.int8 or rows.shape != (manifest.vocabulary, manifest.dims):
            raise EncoderError(f"encoder {manifest.name!r}: rows are {rows.dtype} {rows.shape}")
        if scales.shape != (manifest.vocabulary,):
            raise EncoderError(f"encoder {manifest.name!r}: scales are {scales.shape}")
        return cls(manifest, rows, scales, Tokenizer.from_buffer(tokenizer))

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return self.manifest.dims

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """One unit vector for each text, [n, dims]; a text without any token gives zeros.

        Of a longer text, the first `HEAD_CHARACTERS` and the last `TAIL_CHARACTERS` are read.
        """
        vectors = np.zeros((len(texts), self.dims), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self.vector(bounded(text, HEAD_CHARACTERS, TAIL_CHARACTERS))
        return vectors

    def count_tokens(self, text: str) -> int:
        """Tokens that `embed` reads of one text."""
        return len(self._token_ids(bounded(text, HEAD_CHARACTERS, TAIL_CHARACTERS)))

    def vector(self, text: str) -> npt.NDArray[np.float32]:
        """The unit vector of a text that the caller has bounded, [dims]; zeros where it has no token."""
        ids = self._token_ids(text)
        total = self.scales[ids] @ self.rows[ids].astype(np.float32)
        norm = float(np.linalg.norm(total))
        return np.asarray(total / norm if norm > 0 else total, dtype=np.float32)

    def _token_ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)


def encoder_digest(vectors: bytes, tokenizer: bytes) -> str:
    """The content hash of an encoder folder."""
    return content_hash(vectors, tokenizer)


def bounded(text: str, head: int, tail: int) -> str:
    """The first `head` and the last `tail` characters of a longer text, as valid Unicode."""
    kept = text if len(text) <= head + tail else f"{text[:head]} {text[-tail:]}"
    return kept if kept.isascii() else kept.encode("utf-8", "replace").decode("utf-8")
