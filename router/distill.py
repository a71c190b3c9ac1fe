"""Making the static encoder: every vocabulary token through a sentence transformer, once, offline.

The method is Model2Vec's (Tulkens and van Dongen, 2024, https://github.com/MinishLab/model2vec): the mean of
the transformer's last hidden states for `[CLS] token [SEP]`, principal components of these vectors, and a
weight for each token by smooth inverse frequency (Arora et al., 2017), the frequency being taken from the
token's rank in the vocabulary by Zipf's law. Needs the extra `train`; run it as `python -m router.distill`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
import typer
from safetensors.numpy import save
from transformers import AutoModel

from router.encoder import MANIFEST_FILE, TOKENIZER_FILE, VECTORS_FILE, EncoderManifest, encoder_digest

SOURCE = "sentence-transformers/all-MiniLM-L6-v2"
METHOD = (
    "model2vec: token means of [CLS] token [SEP], PCA, SIF by Zipf rank ({sif:g}), int8, a scale per token"
)
_UNUSED = re.compile(r"\[unused\d+\]|\[(?:PAD|CLS|SEP|MASK)\]")
_BATCH_TOKENS = 512

Floats = npt.NDArray[np.float32]


def main(
    model: Annotated[Path, typer.Option(help="Folder of the sentence transformer (all-MiniLM-L6-v2).")],
    out: Annotated[Path, typer.Option(help="Folder to write the encoder to.")],
    dims: Annotated[int, typer.Option(help="Principal components to keep.")] = 176,
    sif: Annotated[float, typer.Option(help="Coefficient of the smooth inverse frequency.")] = 1e-4,
) -> None:
    """Distil a sentence transformer into a static encoder."""
    tokenizer = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    old_ids = tokenizer["model"]["vocab"]
    in_order = sorted(old_ids, key=lambda token: int(old_ids[token]))
    kept = [token for token in in_order if not _UNUSED.fullmatch(token)]
    states = _hidden_means(model, [old_ids[token] for token in kept], old_ids["[CLS]"], old_ids["[SEP]"])
    rows, steps = _quantised(_principal_components(states, dims))
    scales = (steps * _frequency_weights(len(kept), sif)).astype(np.float32)
    vectors = save({"rows": rows, "scales": scales})
    written = json.dumps(_pruned(tokenizer, kept), ensure_ascii=False, separators=(",", ":")).encode()
    manifest = EncoderManifest(
        name=out.name,
        source=SOURCE,
        licence="Apache-2.0",
        method=METHOD.format(sif=sif),
        digest=encoder_digest(vectors, written),
        dims=dims,
        vocabulary=len(kept),
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / VECTORS_FILE).write_bytes(vectors)
    (out / TOKENIZER_FILE).write_bytes(written)
    (out / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _hidden_means(folder: Path, token_ids: list[int], first: int, last: int) -> Floats:
    encoder = AutoModel.from_pretrained(folder).eval()
    batches = []
    with torch.inference_mode():
        for start in range(0, len(token_ids), _BATCH_TOKENS):
            batch = torch.tensor([[first, token, last] for token in token_ids[start : start + _BATCH_TOKENS]])
            batches.append(encoder(input_ids=batch).last_hidden_state.mean(dim=1).float().numpy())
    return np.asarray(np.concatenate(batches), dtype=np.float32)


def _principal_components(states: Floats, dims: int) -> Floats:
    centred = states.astype(np.float64) - states.mean(axis=0, dtype=np.float64)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ vectors[:, ::-1][:, :dims], dtype=np.float32)


def _frequency_weights(count: int, sif: float) -> npt.NDArray[np.float64]:
    """Weights a / (a + p) of `count` tokens in the order of frequency, p being proportional to 1 / rank."""
    inverse_ranks = 1.0 / np.arange(2, count + 2)
    return np.asarray(sif / (sif + inverse_ranks / inverse_ranks.sum()), dtype=np.float64)


def _quantised(vectors: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    steps = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / 127.0
    return np.rint(vectors / steps[:, None]).astype(np.int8), steps.astype(np.float32)


def _pruned(tokenizer: dict[str, Any], kept: list[str]) -> dict[str, Any]:
    """The tokenizer over the kept tokens, without padding, truncation, or special tokens in the text."""
    model = {**tokenizer["model"], "vocab": {token: number for number, token in enumerate(kept)}}
    dropped = dict.fromkeys(("truncation", "padding", "post_processor"))
    return {**tokenizer, **dropped, "added_tokens": [], "model": model}


if __name__ == "__main__":
    typer.run(main)
