"""Days as texts write them."""

from __future__ import annotations

from datetime import date

import pytest

from contracts.verification import DateOrder
from gateway.verification._dates import LANGUAGES, dates_in, month_names
from gateway.verification._text import normalise
from tests.support.months import TABLE, table

DAY = date(2026, 1, 14)


def read(text: str, order: DateOrder = "auto") -> set[date]:
    return set(dates_in(normalise(text), order, LANGUAGES))


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-14",
        "2026/1/14",
        "2026.01.14.",
        "20260114",
        "INV20260114",
        "2026-01-14T10:00:00Z",
        "14.01.2026",
        "14. 1. 2026",
        "14/01/26",
        "1/14/26",
        "01-14-2026",
        "14 01 2026",
        "14 Jan 2026",
        "14-JAN-26",
        "14th of January 2026",
        "January 14th, 2026",
        "Jan. 14, 2026",
        "Jan 14 '26",
        "2026 January 14",
        "Wed, 14 Jan 2026",
        "14 janvier 2026",
        "14. Januar 2026",
        "14. Jänner 2026",
        "14 de enero de 2026",
        "14 de janeiro de 2026",
        "14 gennaio 2026",
        "14 januari 2026",
        "14 stycznia 2026",
        "14. ledna 2026",
        "14. tammikuuta 2026",
        "den 14 januari 2026",
        "14\u00a0JANVIER\n2026",
        "2026年1月14日",
        "١٤/٠١/٢٠٢٦",
        "１４．０１．２０２６",
    ],
)
def test_every_form_of_a_day_is_read(text: str) -> None:
    assert DAY in read(text)


@pytest.mark.parametrize(("text", "day"), [("1er août 2026", 1), ("1 AOUT 2026", 1), ("2 août 2026", 2)])
def test_a_name_is_read_with_and_without_its_accents(text: str, day: int) -> None:
    assert read(text) == {date(2026, 8, day)}


@pytest.mark.parametrize(
    ("order", "days"),
    [
        ("auto", {date(2026, 3, 4), date(2026, 4, 3)}),
        ("day_first", {date(2026, 4, 3)}),
        ("month_first", {date(2026, 3, 4)}),
    ],
)
def test_a_date_that_can_be_read_twice_is_read_as_the_order_says(order: DateOrder, days: set[date]) -> None:
    assert read("03/04/2026", order) == days


@pytest.mark.parametrize("order", ["day_first", "month_first"])
def test_a_form_that_names_its_parts_needs_no_order(order: DateOrder) -> None:
    assert read("2026-03-04 and 4 March 2026", order) == {date(2026, 3, 4)}


def test_a_year_of_two_digits_is_taken_in_both_centuries() -> None:
    assert read("14 Jan 26") == {date(2026, 1, 14), date(1926, 1, 14)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "14 January",
        "October 2021",
        "2026-13-14",
        "30.02.2026",
        "114.01.2026",
        "14.01.20261",
        "14 Foo 2026",
        "1.2.3",
    ],
)
def test_what_names_no_day_is_not_read(text: str) -> None:
    assert read(text) == set()


def test_days_that_overlap_are_all_read() -> None:
    assert {date(2020, 1, 14), date(2026, 2, 20)} <= read("14 jan 20 feb 2026")


def test_the_languages_know_every_month() -> None:
    for language in LANGUAGES:
        names = month_names((language,))
        assert {month for months in names.values() for month in months} == set(range(1, 13))


def test_a_language_that_is_not_asked_for_is_not_read() -> None:
    assert dates_in("14 janvier 2026", "auto", ("en",)) == frozenset()


def test_the_table_of_months_is_what_cldr_says() -> None:
    assert TABLE.read_text(encoding="utf-8") == table()
    assert month_names(("de", "fr"))["marz"] == frozenset({3})
