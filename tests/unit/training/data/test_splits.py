"""A row's split follows from the row alone; leaks are found between what the splits hold."""

from __future__ import annotations

from collections import Counter

from training.data.pipeline.leakage import LeakSearch
from training.data.pipeline.rows import Row, silent
from training.data.pipeline.space import Likeness, TextSpace
from training.data.pipeline.spec import Duplicates, Splits
from training.data.pipeline.splits import split_of

SPLITS = Splits(train=0.8, validation=0.1, test=0.1)
LONG = "The parcel with the green lamp has been waiting in the depot since early Tuesday morning"


def _row(text: str, **fields: str) -> Row:
    return Row(id=fields.pop("id", text), text=text, output=fields.pop("output", "x"), **fields)


def test_shares_are_kept_over_many_rows() -> None:
    counts = Counter(
        split_of(_row(f"text {chr(97 + n % 26)} {n:b}".replace("1", "i").replace("0", "o")), SPLITS)
        for n in range(5000)
    )
    assert abs(counts["train"] / 5000 - 0.8) < 0.03
    assert abs(counts["test"] / 5000 - 0.1) < 0.03


def test_rows_of_one_group_stay_together() -> None:
    assert len({split_of(_row(f"text {n}", group="vendor"), SPLITS) for n in range(50)}) == 1


def test_texts_that_differ_in_digits_alone_stay_together_unless_told_otherwise() -> None:
    rows = [_row(f"Invoice {n}, total {3 * n}.00") for n in range(200)]
    assert len({split_of(row, SPLITS) for row in rows}) == 1
    assert len({split_of(row, SPLITS.model_copy(update={"key": "text"})) for row in rows}) == 3


def test_another_seed_splits_otherwise() -> None:
    rows = [_row(f"group {n}", group=str(n)) for n in range(200)]
    other = SPLITS.model_copy(update={"seed": 18})
    assert [split_of(row, SPLITS) for row in rows] != [split_of(row, other) for row in rows]


def test_a_source_may_prescribe_its_split() -> None:
    assert {split_of(_row(f"text {n}", pinned="test"), SPLITS) for n in range(50)} == {"test"}


def _search(*texts: str, semantic: float | None = None) -> LeakSearch:
    space = TextSpace.of(texts, Duplicates(near=0.9, semantic=semantic), silent)
    return LeakSearch([_row(text) for text in texts], space, is_free_text=False)


def test_equal_and_nearly_equal_texts_of_a_golden_set_are_found() -> None:
    search = _search("Where is it?", LONG + "!", "nothing alike", LONG, "where  IS it?")
    assert search.against([3, 4], [0, 1, 2]) == {0, 1}
    assert {(leak.position, leak.other, leak.likeness) for leak in search.leaks} == {
        (0, 4, Likeness.EXACT),
        (1, 3, Likeness.NEAR),
    }


def test_a_text_with_the_meaning_of_a_golden_row_is_found() -> None:
    search = _search("flip the coin for me please", "please flip the coin for me", semantic=0.97)
    assert search.against([1], [0]) == {0}
    assert search.leaks[0].likeness is Likeness.SEMANTIC


def test_train_yields_to_the_held_out_splits_and_validation_to_test() -> None:
    search = _search("same", "same", "other", "other", "alone", "same")
    splits = {0: "train", 1: "test", 2: "train", 3: "validation", 4: "train", 5: "validation"}
    assert search.across(splits) == {0, 2, 5}


def test_rows_of_one_split_may_be_alike() -> None:
    assert _search("same", "same").across({0: "train", 1: "train"}) == set()


def test_without_a_golden_set_nothing_leaks() -> None:
    assert _search("a", "a").against([], [0, 1]) == set()
