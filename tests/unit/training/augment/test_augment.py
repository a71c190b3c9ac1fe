from __future__ import annotations

import random
import re

import pytest

from training.data.augment.augment import FieldKind, Plan, augmented
from training.data.augment.values import AMOUNT, scaled_amounts, shifted_date
from training.data.examples import Example
from training.errors import DatasetError

PLAN = Plan(
    fields={"shop": FieldKind.SWAP, "day": FieldKind.DATE, "total": FieldKind.AMOUNT},
    unchanged_ratio=0.0,
    swap_ratio=1.0,
)


def receipt(number: int, shop: str, day: str, total: str) -> Example:
    lines = [shop, f"TEL 03-55512{number}", f"DATE {day}", "TEA 1.50", f"TOTAL RM{total}", "CASH 50.00"]
    text = "\n".join([*lines, "THANK YOU", "COME AGAIN"])
    return Example(
        id=f"r{number}", text=text, output={"shop": shop.replace("\n", " "), "day": day, "total": total}
    )


ROWS = [
    receipt(1, "SUNNY CORNER\nMART", "03/02/2026", "7.90"),
    receipt(2, "BLUE DOOR CAFE", "2026-01-17", "13.20"),
    receipt(3, "HARBOUR BOOKS", "5 MAR 2026", "1,204.00"),
]


def shape(text: str) -> str:
    """Digits and letters by kind alone; a month's name by its case."""
    names = re.sub(r"[A-Za-z]+", lambda match: "AAA" if match[0].isupper() else "Aaa", text)
    return re.sub(r"\d+", "9", names)


def letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def test_every_value_of_a_copy_stands_in_its_text() -> None:
    for copy in augmented(ROWS, PLAN, 40, seed=3):
        for value in copy.output.values():
            assert letters(value) in letters(copy.text), copy


def test_copies_differ_from_their_row_and_from_each_other() -> None:
    copies = list(augmented(ROWS, PLAN, 10, seed=3))
    assert len({copy.text for copy in copies}) == 30
    assert {copy.output["shop"] for copy in copies} == {
        "SUNNY CORNER MART",
        "BLUE DOOR CAFE",
        "HARBOUR BOOKS",
    }


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    first, again, other = (list(augmented(ROWS, PLAN, 2, seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_copies_name_their_row_and_stay_in_its_group() -> None:
    copy = next(augmented(ROWS[:1], PLAN, 1, seed=3))
    assert (copy.id, copy.group, copy.source) == ("r1~0", "r1", "augmented:r1")


def test_a_share_of_the_copies_is_the_row_itself() -> None:
    plan = Plan(fields=PLAN.fields, unchanged_ratio=0.5)
    same = sum(copy.text == ROWS[0].text for copy in augmented(ROWS[:1], plan, 200, seed=1))
    assert 70 < same < 130


def test_a_value_that_does_not_stand_in_its_text_stays_and_so_does_the_text_around_it() -> None:
    row = Example(
        id="odd",
        text="SUNY CORNER MART\nTOTAL 4.00\nTHANKS",
        output={"shop": "SUNNY CORNER MART", "day": "1/2/26", "total": "4.00"},
    )
    for copy in augmented([row], PLAN, 20, seed=3):
        assert copy.output["shop"] == "SUNNY CORNER MART"
        assert copy.output["day"] == "1/2/26"
        assert copy.text.startswith("SUNY CORNER MART\nTOTAL ")
        assert copy.text.endswith("THANKS")


def test_one_factor_scales_all_amounts_of_a_text() -> None:
    scale = scaled_amounts(random.Random(5))
    scaled = [float(amount.replace(",", "")) for amount in AMOUNT.findall(scale("10.00 20.00 1,000.00 0.01"))]
    assert scaled[1] == pytest.approx(2 * scaled[0], abs=0.02)
    assert scaled[2] == pytest.approx(100 * scaled[0], abs=0.6)
    assert scaled[3] == 0.01


@pytest.mark.parametrize(
    "written", ["03/02/2026", "3/2/2026", "03-02-26", "2026-02-03", "03 FEB 2026", "03-Feb-26"]
)
def test_a_moved_date_keeps_its_notation(written: str) -> None:
    moved = shifted_date(written, random.Random(9))
    assert moved is not None
    assert moved != written
    assert shape(moved) == shape(written)


def test_a_date_in_words_is_left_alone() -> None:
    assert shifted_date("the third of May", random.Random(9)) is None


def test_rows_that_hold_no_object_or_not_the_field_are_refused() -> None:
    with pytest.raises(DatasetError, match="JSON object"):
        list(augmented([Example(id="a", text="x", output="billing")], PLAN, 1, seed=1))
    with pytest.raises(DatasetError, match="no field 'day'"):
        list(augmented([Example(id="a", text="x", output={"shop": "x", "total": "1.00"})], PLAN, 1, seed=1))
