"""Texts that differ only in how they are typed."""

from __future__ import annotations

import pytest

from gateway.verification import SourceIndex
from gateway.verification._text import normalise, without_accents


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("Acme Supplies", "from ACME\n  supplies, Ltd"),
        ("Müller & Söhne", "MU\u0308LLER & SO\u0308HNE"),
        ("Straße", "STRASSE"),
        ("ﬁnance", "Finance"),
        ("A-1029", "no. A–1029."),
        ("O'Brien", "O’Brien"),
        ('the "Crown"', "the “Crown”"),
        ("soft", "so\u00adft"),
        ("株式会社アクメ", "発行元 株式会社アクメ御中"),
        ("회사", "회사는 서울"),
        ("INV 12", "INV １２"),
        ("Acme, Inc.", "Acme , Inc ."),
    ],
)
def test_a_text_stands_there_however_it_is_typed(value: str, source: str) -> None:
    assert SourceIndex(source).has_text(value)


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("Acme", "Acmes"),
        ("7731", "17731"),
        ("7731", "INV7731"),
        ("Acme Supplies", "Acme and Supplies"),
        ("Supplies Acme", "Acme Supplies"),
        ("Muller", "Müller"),
        ("A-1029", "A 1029"),
        ("Acme", ""),
    ],
)
def test_a_text_that_is_not_there_is_not_found(value: str, source: str) -> None:
    assert not SourceIndex(source).has_text(value)


def test_a_long_run_of_combining_marks_is_folded_in_pieces() -> None:
    text = "e" + "\u0301\u0316" * 50_000
    assert len(normalise(text)) <= len(text)


def test_accents_are_taken_off() -> None:
    assert without_accents("août září") == "aout zari"
