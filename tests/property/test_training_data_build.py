"""What holds of every build: the same digest whatever the rows' order, no row moved, no row lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.output import TextOutput
from tests.unit.training.data.conftest import PatternFinder, Workspace, kept, lines_of
from training.data.pipeline.near import jaccard, shingles_of
from training.data.pipeline.normalise import normalised
from training.data.pipeline.redact import Redactor
from training.data.pipeline.rows import Row
from training.data.pipeline.spec import Handling, Splits
from training.data.pipeline.splits import split_of

WORDS = st.sampled_from(["amber", "bottle", "candle", "drawer", "engine", "feather", "mia@x.org", "17", "18"])
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"text": TEXTS, "output": st.sampled_from(["billing", "Shipping", "other", "nobody"])},
        optional={"id": st.sampled_from("abc"), "group": st.sampled_from("xy")},
    ),
    min_size=1,
    max_size=25,
)
few = settings(max_examples=max(10, settings().max_examples // 8))
"""A build reads and writes files: fewer of them make the same point."""


@contextmanager
def _workspace() -> Iterator[Workspace]:
    with TemporaryDirectory() as folder:
        yield Workspace(Path(folder))


@few
@given(rows=ROWS, seed=st.integers(0, 1000))
def test_the_order_of_the_rows_changes_nothing(rows: list[dict[str, Any]], seed: int) -> None:
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    with _workspace() as first, _workspace() as second:
        one, other = first.build(rows), second.build(shuffled)
        assert one.manifest.digest == other.manifest.digest
        assert one.manifest.rejected == other.manifest.rejected
        assert one.report == other.report


@few
@given(rows=ROWS)
def test_every_row_is_kept_or_rejected_with_a_reason(rows: list[dict[str, Any]]) -> None:
    with _workspace() as workspace:
        built = workspace.build(rows)
        rejected = lines_of(built.folder / "rejected.jsonl")
        assert len(kept(built)) + len(rejected) == len(rows)
        assert all(row["reason"] and row["detail"] and row["place"] for row in rejected)
        assert len({row["id"] for row in kept(built)}) == len(kept(built))


@few
@given(rows=ROWS, more=ROWS)
def test_new_rows_move_no_old_row_to_another_split(
    rows: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    def places(workspace: Workspace, given_rows: list[dict[str, Any]]) -> dict[str, str]:
        built = workspace.build(given_rows)
        names = ("train", "validation", "test")
        return {
            f"{row['text']}|{row['group']}": name
            for name in names
            for row in lines_of(built.folder / f"{name}.jsonl")
        }

    with _workspace() as first, _workspace() as second:
        before, after = places(first, rows), places(second, [*rows, *more])
    assert {row: after[row] for row in before if row in after} == {
        row: before[row] for row in before if row in after
    }


@few
@given(rows=ROWS)
def test_no_text_and_no_group_stands_in_two_splits(rows: list[dict[str, Any]]) -> None:
    with _workspace() as workspace:
        built = workspace.build(rows)
        for field in ("text", "group"):
            values = [
                {row[field] for row in lines_of(built.folder / f"{name}.jsonl") if row[field]}
                for name in ("train", "validation", "test")
            ]
            assert sum(map(len, values)) == len(set().union(*values))


@given(st.text(), st.text(max_size=3), st.integers(0, 100))
def test_a_row_is_split_by_its_group_whatever_its_text(text: str, group: str, seed: int) -> None:
    settings = Splits(seed=seed)
    first, second = (Row(id="-", text=one, output="x", group=f"g{group}") for one in (text, text[::-1]))
    assert split_of(first, settings) == split_of(second, settings)


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(), st.text())
def test_similarity_is_a_share_and_symmetric(first: str, second: str) -> None:
    one, other = shingles_of(first), shingles_of(second)
    assert 0 <= jaccard(one, other) == jaccard(other, one) <= 1
    assert jaccard(one, one) == 1


@given(TEXTS, TEXTS)
def test_redaction_leaves_nothing_to_redact(text: str, output: str) -> None:
    redactor = Redactor(PatternFinder(), {"EMAIL_ADDRESS": Handling.REDACT}, TextOutput())
    row = redactor.handle(Row(id="1", text=text, output=output))
    assert isinstance(row, Row)
    assert "@" not in row.text + row.output
    assert redactor.handle(row) == row
