"""A value is found in any form that it can be written in, and one that is not there is not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import JsonValue
from contracts.verification import Grounding
from gateway.verification import SourceIndex, ungrounded
from gateway.verification._dates import LANGUAGES
from tests.property.strategies import JSON

NUMBER_LOCALES = (
    *(
        "en_US",
        "en_IN",
        "de_DE",
        "de_CH",
        "de_AT",
        "fr_FR",
        "fr_CH",
        "es_ES",
        "it_IT",
        "nl_NL",
        "pt_BR",
        "pl_PL",
    ),
    *(
        "sv_SE",
        "da_DK",
        "nb_NO",
        "fi_FI",
        "cs_CZ",
        "ar_EG",
        "hi_IN",
        "ja_JP",
        "fa_IR",
        "bn_BD",
        "he_IL",
        "ru_RU",
    ),
)
DATE_LOCALES = ("en_US", "en_GB", "de_AT", "pt_PT", *LANGUAGES)
PATTERNS = (
    *("yyyy-MM-dd", "yyyyMMdd", "dd.MM.yyyy", "d.M.yy", "M/d/yy", "dd/MM/yyyy", "dd-MM-yyyy", "yyyy/MM/dd"),
    *("d MMM yyyy", "d MMMM yyyy", "MMM d, yyyy", "MMMM d, yyyy", "dd-MMM-yy", "d. MMMM yyyy", "yyyy MMMM d"),
)
WORDS = st.lists(st.sampled_from(["Acme", "& Söhne", "no. 7", "—", "(x)", "12,5", "Rechnung:"]), max_size=5)
amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
days = st.dates(min_value=date(1950, 1, 1), max_value=date(2049, 12, 31))


def within(before: list[str], text: str, after: list[str]) -> str:
    return "\n".join([*before, text, *after])


@given(amount=amounts, locale=st.sampled_from(NUMBER_LOCALES), before=WORDS, after=WORDS)
def test_an_amount_is_found_in_every_locales_form(
    amount: Decimal, locale: str, before: list[str], after: list[str]
) -> None:
    for written in (
        format_decimal(amount, locale=locale),
        format_decimal(amount, format="#,##0.00", locale=locale, group_separator=False),
        format_currency(amount, "EUR", locale=locale),
        format_decimal(amount, locale=locale, numbering_system="default"),
    ):
        source = SourceIndex(within(before, written, after))
        assert source.has_number(amount), written
        assert source.has_number(float(amount)), written


@given(
    day=days,
    locale=st.sampled_from(DATE_LOCALES),
    pattern=st.sampled_from(PATTERNS),
    before=WORDS,
    after=WORDS,
)
def test_a_day_is_found_in_every_written_form(
    day: date, locale: str, pattern: str, before: list[str], after: list[str]
) -> None:
    written = format_date(day, pattern, locale=locale)
    assert SourceIndex(within(before, written, after)).has_date(day), written


@given(
    day=days, locale=st.sampled_from(DATE_LOCALES), width=st.sampled_from(["long", "medium", "short", "full"])
)
def test_a_day_is_found_in_every_locales_own_form(day: date, locale: str, width: str) -> None:
    written = format_date(day, width, locale=locale)
    assert SourceIndex(written.upper()).has_date(day), written


@given(text=st.text(max_size=60), before=WORDS, after=WORDS)
def test_a_text_is_found_where_it_stands(text: str, before: list[str], after: list[str]) -> None:
    assert SourceIndex(within(before, text, after)).has_text(text)


@given(written=amounts, other=amounts, locale=st.sampled_from(NUMBER_LOCALES))
def test_another_amount_is_not_found(written: Decimal, other: Decimal, locale: str) -> None:
    found = SourceIndex(f"Total {format_currency(written, 'EUR', locale=locale)}").has_number(other)
    assert not found or abs(other) in (abs(written), *_parts(written))


@given(written=days, other=days, locale=st.sampled_from(DATE_LOCALES))
def test_another_day_is_not_found(written: date, other: date, locale: str) -> None:
    found = SourceIndex(format_date(written, "d MMMM yyyy", locale=locale)).has_date(other)
    assert found == (written == other)


@given(value=JSON)
def test_a_value_of_any_shape_is_judged(value: JsonValue) -> None:
    source = SourceIndex("Rechnung 12 vom 14.01.2026")
    for violation in ungrounded(Grounding(pointers=("", "/*", "/id")), value, source):
        assert violation.message == f"the value at {violation.pointer or '/'} does not occur in the input"


def _parts(amount: Decimal) -> set[Decimal]:
    """Groups of a number that a space parts may be numbers of their own."""
    whole = f"{abs(amount):.2f}"
    return {
        Decimal(whole[start:end] or 0) for start in range(len(whole)) for end in (len(whole), len(whole) - 3)
    }
