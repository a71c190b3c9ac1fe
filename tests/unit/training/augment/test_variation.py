from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from training.data.augment.augment import CONFUSIONS, FieldKind, Plan, augmented
from training.data.augment.spans import find_value
from training.data.augment.variation import varied, words_of
from training.data.examples import Example

WORDS = ["HARBOUR", "Mawar", "lane"]
VALUES = st.text(alphabet="ABCxyz019 .,-/&\n", min_size=1, max_size=60)


def letters(text: str) -> str:
    return "".join(character.casefold() for character in text if character.isalnum())


def signs(text: str) -> str:
    return "".join(character for character in text if not character.isalnum())


@given(value=VALUES, seed=st.integers(0, 2**32))
def test_an_output_and_its_text_change_alike_and_keep_their_own_signs(value: str, seed: int) -> None:
    written = value.replace(" ", "\n").lower()
    new, (rewritten,) = varied(value, [written], WORDS, CONFUSIONS, random.Random(seed))
    assert letters(new) == letters(rewritten)
    assert (signs(new), signs(rewritten)) == (signs(value), signs(written))


def test_words_and_numbers_become_others_in_the_case_of_the_old_ones() -> None:
    seen = {
        varied("12 Old Road, KL", ["12 OLD ROAD\nKL"], WORDS, {}, random.Random(seed))[0]
        for seed in range(200)
    }
    words = {word for value in seen for word in words_of([value])}
    assert words == {"Old", "Road", "Harbour", "Mawar", "Lane"}
    assert len({value[:2] for value in seen}) > 20
    assert all(value.endswith(", KL") for value in seen)


def test_letters_are_misread_in_some_values_and_the_same_way_in_the_text() -> None:
    read = [
        varied("SUNNY CORNER BOOKS", ["SUNNY CORNER BOOKS"], [], CONFUSIONS, random.Random(n))
        for n in range(99)
    ]
    changed = [new for new, (written,) in read if new != "SUNNY CORNER BOOKS" and new == written]
    assert 15 < len(changed) < 60


def test_varied_copies_hold_values_that_no_row_has_and_that_stand_in_their_text() -> None:
    rows = [
        Example(
            id=f"r{n}",
            text=f"SHOP NUMBER {n}\n{n}1 MAIN ROAD,\nTOWN\nTOTAL {n}.00",
            output={"at": f"{n}1 MAIN ROAD, TOWN"},
        )
        for n in range(1, 6)
    ]
    known = {row.output["at"] for row in rows}
    plan = Plan(fields={"at": FieldKind.SWAP}, unchanged_ratio=0.0, swap_ratio=0.5, vary_ratio=1.0)
    copies = list(augmented(rows, plan, 20, seed=2))
    assert all(find_value(copy.output["at"], copy.text) for copy in copies)
    assert sum(copy.output["at"] not in known for copy in copies) > 60
