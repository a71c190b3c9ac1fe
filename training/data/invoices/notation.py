"""How amounts and dates are written down: one place for every notation the invoices use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from training.data.invoices.languages.words import Words
from training.data.invoices.locales import Currency

ISO_DATE = "{year}-{mm}-{dd}"
SHORT_DASHED_DATE = "{dd}-{short}-{year}"

_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


class CurrencyPlace(StrEnum):
    """Where the currency stands beside an amount."""

    CODE_BEFORE = "code_before"
    CODE_AFTER = "code_after"
    SIGN_BEFORE = "sign_before"
    SIGN_AFTER = "sign_after"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class MoneyStyle:
    """One document's way to write money; `form` is how it writes 1248.5 (see `locales`)."""

    form: str
    currency: Currency
    sign: str
    place: CurrencyPlace

    def number(self, amount: Decimal) -> str:
        """The digits alone."""
        whole, _, decimals = f"{abs(amount):.{self.currency.decimals}f}".partition(".")
        sign = "-" if amount < 0 else ""
        point = self.form[-3]
        grouped = _group(whole, self._separator(), lakh=self.form.startswith("12,34"))
        return f"{sign}{grouped}{point}{decimals}" if decimals else f"{sign}{grouped}"

    def money(self, amount: Decimal) -> str:
        """The digits with the currency at its place."""
        number = self.number(amount)
        match self.place:
            case CurrencyPlace.CODE_BEFORE:
                return f"{self.currency.code} {number}"
            case CurrencyPlace.CODE_AFTER:
                return f"{number} {self.currency.code}"
            case CurrencyPlace.SIGN_BEFORE:
                return f"{self.sign}{' ' if self.sign[-1] in 'FRrs.' else ''}{number}"
            case CurrencyPlace.SIGN_AFTER:
                return f"{number} {self.sign}"
            case CurrencyPlace.NOWHERE:
                return number

    def _separator(self) -> str:
        mark = self.form[1:-6]
        return "," if "," in mark else mark


def write_date(day: date, pattern: str, words: Words) -> str:
    """Fill a date pattern, in the language's own month names."""
    return pattern.format(
        day=day.day,
        ordinal=f"{day.day}{_ORDINALS.get(day.day, 'th')}",
        dd=f"{day.day:02}",
        mm=f"{day.month:02}",
        month_number=day.month,
        month=words.months[day.month - 1],
        short=words.short_months[day.month - 1],
        year=day.year,
        yy=f"{day.year % 100:02}",
    )


def is_ambiguous(day: date, pattern: str) -> bool:
    """Whether the written date could be read with day and month exchanged."""
    swaps = ("{mm}" in pattern or "{month_number}" in pattern) and not pattern.startswith("{year}")
    return swaps and day.day <= 12 and day.day != day.month


def _group(whole: str, separator: str, *, lakh: bool) -> str:
    """Group digits by three; `lakh` groups by two before the last three."""
    head, tail = whole[:-3], whole[-3:]
    size = 2 if lakh else 3
    parts = [tail]
    while head:
        parts.insert(0, head[-size:])
        head = head[:-size]
    return separator.join(parts)
