"""One batch as tensors. Imports torch: only what runs in the training environment imports this module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from training.recipes.encode import IGNORED_LABEL
from training.recipes.packing import Row

_WIDTH_STEP: Final = 8
"""Rows are padded to a multiple of this, which matrix units want."""


def collate(rows: Sequence[Row], pad_id: int) -> dict[str, torch.Tensor]:
    """A batch, padded on the right, without an attention mask.

    Attention is causal, so no token sees the padding behind it, and without a mask the fast kernels are
    used. Packed rows carry `position_ids` that start anew with each example, from which transformers
    builds the block-diagonal mask; examples do not see each other.

    `kept` are the places (row * width + position) whose next token is supervised, and `labels` those
    tokens in the same order, after one that is ignored: who counts them, shifted or not, gets it right.
    """
    width = -(-max(row_tokens(row) for row in rows) // _WIDTH_STEP) * _WIDTH_STEP
    ids = torch.full((len(rows), width), pad_id)
    kept: list[int] = []
    labels = [IGNORED_LABEL]
    for number, row in enumerate(rows):
        start = 0
        for example in row:
            end, prompt = start + len(example.input_ids), example.prompt_tokens
            ids[number, start:end] = torch.tensor(example.input_ids)
            first = number * width + start
            kept.extend(range(first + prompt - 1, first + len(example.input_ids) - 1))
            labels.extend(example.labels[prompt:])
            start = end
    batch = {"input_ids": ids, "kept": torch.tensor(kept), "labels": torch.tensor(labels)}
    if any(len(row) > 1 for row in rows):
        batch["position_ids"] = torch.tensor([_positions(row, width) for row in rows])
    return batch


def row_tokens(row: Row) -> int:
    """Length of a row without padding."""
    return sum(len(example.input_ids) for example in row)


def _positions(row: Row, width: int) -> list[int]:
    lengths = [len(example.input_ids) for example in row]
    padding = width - sum(lengths)
    return [position for length in (*lengths, padding) for position in range(length)]
