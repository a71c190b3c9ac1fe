"""Packing and the order of batches: nothing is lost, and the same seed gives the same again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from training.recipes.encode import EncodedExample
from training.recipes.packing import BatchOrder, Row, packed_rows, single_rows

LENGTHS = [9, 3, 5, 2, 7, 1, 4, 6, 3, 3]


def _examples(lengths: Sequence[int] = LENGTHS) -> list[EncodedExample]:
    return [
        EncodedExample(f"row-{number}", tuple(range(length)), (-100,) * length)
        for number, length in enumerate(lengths)
    ]


def _tokens(row: Row) -> int:
    return sum(len(example.input_ids) for example in row)


def test_every_example_is_in_one_row_and_every_row_fits() -> None:
    rows = packed_rows(_examples(), 10)
    ids = [example.id for row in rows for example in row]
    assert sorted(ids) == sorted(example.id for example in _examples())
    assert [_tokens(row) for row in rows] == [10, 10, 10, 10, 3]


def test_packing_the_same_examples_gives_the_same_rows() -> None:
    assert packed_rows(_examples(), 10) == packed_rows(_examples(), 10)


def test_without_packing_each_example_has_a_row() -> None:
    assert [_tokens(row) for row in single_rows(_examples())] == LENGTHS


def _epoch(order: BatchOrder, epoch: int) -> list[list[int]]:
    order.epoch = epoch
    return list(order)


def test_an_epoch_has_every_row_once() -> None:
    order = BatchOrder(list(range(1, 24)), 4, processes=1, seed=3)
    batches = _epoch(order, 0)
    assert sorted(itertools.chain(*batches)) == list(range(23))
    assert len(order) == len(batches) == 6


def test_epochs_differ_and_each_can_be_had_again() -> None:
    lengths = list(range(1, 24))
    order = BatchOrder(lengths, 4, processes=1, seed=3)
    first, second = _epoch(order, 0), _epoch(order, 1)
    assert first != second
    assert _epoch(BatchOrder(lengths, 4, processes=1, seed=3), 1) == second
    assert _epoch(BatchOrder(lengths, 4, processes=1, seed=4), 1) != second


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_a_batch_that_is_not_full_comes_last(processes: int) -> None:
    order = BatchOrder([5] * 37, 3, processes=processes, seed=0)
    for epoch in range(4):
        sizes = [len(batch) for batch in _epoch(order, epoch)]
        assert sizes == [3] * 12 + [1]


def test_the_longest_rows_are_seen_first_so_that_memory_fails_early() -> None:
    lengths = [*range(1, 40), 500]
    for seed in range(5):
        assert 39 in _epoch(BatchOrder(lengths, 4, processes=1, seed=seed), 0)[0]


def test_rows_of_alike_lengths_share_a_batch() -> None:
    lengths = list(range(1, 401))
    order = BatchOrder(lengths, 8, processes=1, seed=1)
    assert all(max(batch) - min(batch) == 7 for batch in _epoch(order, 0))
