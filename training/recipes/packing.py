"""Which examples share a row, and which rows share a batch: the same for the same seed and epoch."""

from __future__ import annotations

import math
import random
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from training.recipes.encode import EncodedExample

Row = tuple[EncodedExample, ...]
"""The examples of one row of a batch: one, or several that are packed."""

_POOL_BATCHES: Final = 50
"""Batches of alike lengths are drawn from pools of this many: little padding, and still a shuffle."""


def single_rows(examples: Sequence[EncodedExample]) -> list[Row]:
    """A row for each example."""
    return [(example,) for example in examples]


def packed_rows(examples: Sequence[EncodedExample], max_tokens: int) -> list[Row]:
    """Whole examples in rows of at most `max_tokens`, each put where the least room is left (best fit).

    The longest come first, equals in their order, so that the same examples give the same rows.
    """
    rows: list[list[EncodedExample]] = []
    by_room: dict[int, list[int]] = defaultdict(list)
    rooms: list[int] = []  # the keys of `by_room`, in order
    for example in sorted(examples, key=lambda one: -len(one.input_ids)):
        length = len(example.input_ids)
        at = bisect_left(rooms, length)
        if at == len(rooms):
            number, room = len(rows), max_tokens
            rows.append([])
        else:
            room = rooms[at]
            number = by_room[room].pop()
            if not by_room[room]:
                del by_room[room], rooms[at]
        rows[number].append(example)
        left = room - length
        if left not in by_room:
            insort(rooms, left)
        by_room[left].append(number)
    return [tuple(row) for row in rows]


class BatchOrder:
    """The batches of an epoch as lists of row numbers, for every process together.

    Rows of alike lengths share a batch. The order depends on seed and epoch alone, so that a run that is
    resumed sees what it would have seen. A last batch that is not full stays last. It is a batch sampler
    of `torch.utils.data.DataLoader`; `batch_size` and `drop_last` are what accelerate reads of one.
    """

    drop_last = False

    def __init__(self, lengths: Sequence[int], batch_size: int, *, processes: int, seed: int) -> None:
        self.batch_size = batch_size
        self.epoch = 0
        self._lengths = lengths
        self._step_rows = batch_size * processes
        self._seed = seed

    def __len__(self) -> int:
        return math.ceil(len(self._lengths) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self._steps():
            for start in range(0, len(step), self.batch_size):
                yield step[start : start + self.batch_size]

    def _steps(self) -> list[list[int]]:
        """Row numbers of the steps of one epoch; a step is one batch for each process."""
        # Not for secrets: the order of rows has to be the same again.
        chance = random.Random(f"{self._seed}/{self.epoch}")  # noqa: S311
        order = list(range(len(self._lengths)))
        chance.shuffle(order)
        size = self._step_rows
        full = len(order) - len(order) % size
        pool = _POOL_BATCHES * size
        steps: list[list[int]] = []
        for start in range(0, full, pool):
            alike = sorted(order[start : min(start + pool, full)], key=self._lengths.__getitem__)
            steps += [alike[at : at + size] for at in range(0, len(alike), size)]
        chance.shuffle(steps)
        if steps and self.epoch == 0:
            longest = max(range(len(steps)), key=lambda at: self._tokens(steps[at]))
            steps.insert(0, steps.pop(longest))  # what does not fit into memory shows at once
        return [*steps, order[full:]] if full < len(order) else steps

    def _tokens(self, step: Sequence[int]) -> int:
        return len(step) * max(self._lengths[row] for row in step)
