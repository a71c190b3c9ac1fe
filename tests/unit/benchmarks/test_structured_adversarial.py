"""Hostile schemas are the same for the same seed, of every family, and never the same twice."""

from __future__ import annotations

from itertools import islice

from benchmarks.structured.adversarial import FAMILIES, hostile
from benchmarks.structured.attacker import bodies


def drawn(seed: int, rounds: int) -> list[tuple[str, str]]:
    return list(islice(hostile(seed), rounds * len(FAMILIES)))


def test_a_seed_draws_the_same_schemas() -> None:
    assert drawn(7, 1) == drawn(7, 1)
    assert drawn(7, 1) != drawn(8, 1)


def test_a_round_takes_every_family_once() -> None:
    names = [family for family, _ in drawn(7, 1)]
    assert sorted(names) == sorted(FAMILIES)


def test_no_schema_is_drawn_twice_but_for_the_constants_that_are_none() -> None:
    texts = [text for family, text in drawn(7, 3) if family != "no-schema"]
    assert len(set(texts)) == len(texts)


def test_every_schema_can_be_sent_as_utf_8() -> None:
    assert all(text.encode("utf-8") for _, text in drawn(7, 1))


def test_one_body_in_four_hides_its_schema_in_a_tool() -> None:
    made = [body for _, body in islice(bodies(7), 8)]
    assert [b'"tools":' in body for body in made] == [False, False, False, True] * 2
    assert len(set(made)) == 8
