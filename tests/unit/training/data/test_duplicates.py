"""Which rows are dropped as duplicates, and what happens to rows that disagree."""

from __future__ import annotations

import random
from typing import Any

import pytest

from training.data.pipeline.duplicates import DuplicateSearch
from training.data.pipeline.near import jaccard, shingles_of
from training.data.pipeline.rows import Row, silent
from training.data.pipeline.space import TextSpace
from training.data.pipeline.spec import Duplicates

LONG = "The parcel with the green lamp has been waiting in the depot since early Tuesday morning"


def _search(
    rows: list[Row], *, is_free_text: bool = False, **settings: Any
) -> tuple[list[str], DuplicateSearch]:
    chosen = Duplicates(**{"semantic": None, **settings})
    space = TextSpace.of([row.text for row in rows], chosen, silent)
    search = DuplicateSearch(rows, space, is_free_text=is_free_text)
    return [rows[position].id for position in search.run()], search


def _rows(*pairs: tuple[str, Any]) -> list[Row]:
    return [Row(id=str(number), text=text, output=output) for number, (text, output) in enumerate(pairs)]


def _reasons(search: DuplicateSearch) -> dict[str, str]:
    return {one.id: one.reason for one in search.findings.rejected}


def test_the_first_of_equal_rows_is_kept() -> None:
    kept, search = _search(_rows(("a  b", "x"), ("a b", "x"), ("c d", "x")))
    assert kept == ["0", "2"]
    assert _reasons(search) == {"1": "exact_duplicate"}


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("reject", ["4"]), ("majority", ["0", "4"]), ("first", ["0", "4"]), (None, ["0", "4"])],
)
def test_a_contradiction_is_settled_by_policy(policy: str | None, kept: list[str]) -> None:
    rows = _rows(("same", "x"), ("same", "y"), ("same", "x"), ("same", "z"), ("else", "x"))
    left, search = _search(rows, contradictions=policy)
    assert left == kept
    assert (search.findings.contradictions, search.findings.contradicting_rows) == (1, 4)
    assert search.findings.listed == ["contradiction: 0, 1, 2, 3"]


def test_without_a_majority_every_row_of_a_contradiction_goes() -> None:
    kept, search = _search(_rows(("same", "x"), ("same", "y")), contradictions="majority")
    assert kept == []
    assert set(_reasons(search).values()) == {"contradiction"}


def test_two_good_answers_to_one_question_are_no_reason_to_lose_both() -> None:
    kept, _ = _search(_rows(("same", "one answer"), ("same", "another")), is_free_text=True)
    assert kept == ["0"]


def test_a_nearly_equal_text_with_the_same_output_is_dropped() -> None:
    kept, search = _search(_rows((LONG, "x"), (LONG + "!", "x"), ("Something else entirely", "x")))
    assert kept == ["0", "2"]
    assert _reasons(search) == {"1": "near_duplicate"}


def test_a_nearly_equal_text_with_another_label_is_reported_and_kept() -> None:
    kept, search = _search(_rows((LONG, "x"), (LONG + "!", "y")))
    assert kept == ["0", "1"]
    assert search.findings.ambiguous == 1
    assert search.findings.ambiguous_left == {0, 1}
    assert search.findings.listed[0].startswith("ambiguous: 0 and 1 (0.9")


def test_ambiguous_rows_are_rejected_where_the_policy_says_so() -> None:
    kept, search = _search(_rows((LONG, "x"), (LONG + "!", "y")), ambiguous="reject")
    assert kept == []
    assert search.findings.ambiguous_left == set()


def _invoice(total: str) -> tuple[str, dict[str, float]]:
    text = (
        "Harbour Tools, 12 Quay Street. Invoice A-1029 of 14 January. Chisels, planes and saws as ordered. "
        f"Freight included. Payment within thirty days. Total EUR {total}. Thank you for your business."
    )
    return text, {"total": float(total)}


@pytest.mark.parametrize("settings", [{}, {"near": None, "semantic": 0.9}])
def test_invoices_that_differ_in_the_amount_alone_are_all_kept(settings: dict[str, Any]) -> None:
    kept, search = _search(_rows(*map(_invoice, ("120.50", "431.75", "988.10"))), **settings)
    assert kept == ["0", "1", "2"]
    assert search.findings.ambiguous == 0
    assert search.findings.alike_in_meaning == 0


def test_a_text_in_other_words_order_is_a_duplicate_in_meaning() -> None:
    rows = _rows(
        ("flip the coin for me please", "x"), ("please flip the coin for me", "x"), ("sell my car", "x")
    )
    kept, search = _search(rows, semantic=0.97)
    assert kept == ["0", "2"]
    assert _reasons(search) == {"1": "semantic_duplicate"}


def test_other_labels_for_texts_alike_in_meaning_are_only_counted() -> None:
    rows = _rows(("flip the coin for me please", "x"), ("please flip the coin for me", "y"))
    kept, search = _search(rows, semantic=0.97, ambiguous="reject")
    assert kept == ["0", "1"]
    assert (search.findings.alike_in_meaning, search.findings.ambiguous) == (1, 0)


def test_swapped_preference_pairs_contradict_and_other_pairs_of_a_text_stay() -> None:
    rows = [
        Row(id="0", text="q", output="a", rejected_output="b"),
        Row(id="1", text="q", output="b", rejected_output="a"),
        Row(id="2", text="q", output="a", rejected_output="c"),
    ]
    kept, search = _search(rows)
    assert kept == ["2"]
    assert search.findings.contradictions == 1


def test_many_equal_rows_cost_one_comparison_each() -> None:
    kept, search = _search(_rows(*((f"{LONG} number {'one' * (n % 2)}", "x") for n in range(400))))
    assert len(kept) == 1
    assert len(search.findings.rejected) == 399


@pytest.mark.parametrize("threshold", [0.7, 0.9, 1.0])
def test_pairs_just_above_the_threshold_are_found(threshold: float) -> None:
    rng = random.Random(5)
    texts: list[str] = []
    for _ in range(100):
        text = "".join(rng.choices("abcdefgh ijklmnop", k=400))
        cut = 400 - int(396 * (1 - threshold))
        texts += [text, text[:cut]]
    pairs = [
        jaccard(shingles_of(one), shingles_of(other))
        for one, other in zip(texts[::2], texts[1::2], strict=True)
    ]
    assert min(pairs) >= threshold - 0.02
    found = [number for number, similarity in enumerate(pairs) if similarity >= threshold]
    assert len(found) > 20
    kept, _ = _search(_rows(*((text, "x") for text in texts)), near=threshold)
    missed = [number for number in found if {str(2 * number), str(2 * number + 1)} <= set(kept)]
    assert len(missed) <= 3
