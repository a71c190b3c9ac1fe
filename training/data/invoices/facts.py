"""What one invoice says: drawn first, written later by a layout."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from training.data.invoices.locales import LOCALES, Locale
from training.data.invoices.names import Split, company


class Field(StrEnum):
    """The fields of the task's schema."""

    INVOICE_ID = "invoice_id"
    DATE = "date"
    VENDOR = "vendor"
    TOTAL_AMOUNT = "total_amount"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of goods."""

    name: str
    quantity: int
    unit_price: Decimal

    @property
    def amount(self) -> Decimal:
        """What the line adds to the subtotal."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums under the lines; `due` is what the reader of the invoice has to pay."""

    subtotal: Decimal
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    total: Decimal
    previous: Decimal
    paid: Decimal
    due: Decimal


@dataclass(frozen=True, slots=True)
class Facts:
    """One invoice; fields in `missing` are known here and not printed."""

    locale: Locale
    vendor: str
    buyer: str
    invoice_id: str
    order_id: str
    customer_id: str
    tax_id: str
    issued: date
    due: date
    delivered: date
    ordered: date
    items: tuple[Item, ...]
    totals: Totals
    missing: frozenset[Field]


_MISSING_SHARE = {Field.INVOICE_ID: 0.07, Field.DATE: 0.08, Field.VENDOR: 0.07, Field.TOTAL_AMOUNT: 0.06}
_FIRST_DAY = date(2018, 1, 1)
_LAST_DAY = date(2027, 12, 31)
_PREFIXES = (
    "INV",
    "INV",
    "A",
    "B",
    "R",
    "RE",
    "F",
    "FA",
    "FT",
    "SI",
    "AR",
    "C",
    "K",
    "TX",
    "RG",
    "V",
    "MX",
    "INV",
)


def draw_facts(rng: random.Random, split: Split) -> Facts:
    """Draw one invoice of the split."""
    locale = rng.choices(LOCALES, [place.weight for place in LOCALES])[0]
    issued = _FIRST_DAY + timedelta(days=rng.randrange((_LAST_DAY - _FIRST_DAY).days))
    forms = locale.forms or locale.words.forms
    vendor = company(rng, locale.words, forms, split)
    buyer = company(rng, locale.words, forms, split)
    while buyer == vendor:
        buyer = company(rng, locale.words, forms, split)
    items = _items(rng, locale)
    missing = frozenset(name for name, share in _MISSING_SHARE.items() if rng.random() < share)
    return Facts(
        locale=locale,
        vendor=vendor,
        buyer=buyer,
        invoice_id=_invoice_id(rng, issued.year),
        order_id=_reference(rng),
        customer_id=str(rng.randint(1000, 99999)),
        tax_id=f"{locale.name[-2:]}{rng.randint(10**8, 10**9 - 1)}",
        issued=issued,
        due=issued + timedelta(days=rng.choice((7, 10, 14, 15, 21, 30, 30, 45, 60))),
        delivered=issued + timedelta(days=rng.randint(-20, 12)),
        ordered=issued - timedelta(days=rng.randint(1, 60)),
        items=items,
        totals=_totals(rng, locale, items),
        missing=missing,
    )


def _items(rng: random.Random, locale: Locale) -> tuple[Item, ...]:
    scale = Decimal(10) if locale.currencies[0].decimals else Decimal(1000)
    unit = Decimal(10) ** -locale.currencies[0].decimals
    items = []
    for name in rng.sample(locale.words.goods, rng.choice((1, 1, 2, 2, 3, 3, 4, 5))):
        price = (scale * Decimal(str(round(10 ** rng.uniform(-0.6, 2.6), 4)))).quantize(unit)
        items.append(Item(name, rng.choice((1, 1, 1, 2, 3, 4, 5, 10, 12, 25)), max(price, unit)))
    return tuple(items)


def _totals(rng: random.Random, locale: Locale, items: tuple[Item, ...]) -> Totals:
    unit = Decimal(10) ** -locale.currencies[0].decimals

    def share(amount: Decimal, percent: float) -> Decimal:
        return (amount * Decimal(str(percent)) / 100).quantize(unit, rounding=ROUND_HALF_UP)

    subtotal = sum((item.amount for item in items), Decimal(0)).quantize(unit)
    nothing = Decimal(0).quantize(unit)
    discount = share(subtotal, rng.choice((2, 5, 10))) if rng.random() < 0.2 else nothing
    shipping = (
        share(Decimal(rng.choice((490, 950, 1500, 2500))), 100 if unit == 1 else 1)
        if rng.random() < 0.25
        else nothing
    )
    tax = share(subtotal - discount + shipping, rng.choice(locale.tax_percents))
    total = subtotal - discount + shipping + tax
    previous = share(total, rng.uniform(5, 60)) if rng.random() < 0.12 else nothing
    paid = share(total, rng.uniform(10, 80)) if rng.random() < 0.18 else nothing
    return Totals(subtotal, discount, shipping, tax, total, previous, paid, total + previous - paid)


def _invoice_id(rng: random.Random, year: int) -> str:
    prefix = rng.choice(_PREFIXES)
    number = rng.randint(1, 10 ** rng.choice((3, 4, 5, 6)))
    letter = rng.choice("ABCDEFHKLMX")
    shapes = (
        f"{prefix}-{number:04}",
        f"{prefix}-{year}-{number:05}",
        f"{prefix}{number:06}",
        f"{prefix}/{year}/{number:03}",
        f"{prefix} {year}/{number:04}",
        f"{year}-{number:04}",
        f"{year}/{number}",
        f"{number:04}",
        f"{number:06}",
        f"{number:03}/{year % 100:02}",
        f"{rng.randint(10, 99)}-{number:04}-{letter}",
        f"{letter}{number:05}",
        f"{letter}-{number:04}",
        f"{prefix}.{year % 100:02}.{number:04}",
        f"{prefix}{year % 100:02}-{number:04}{letter}",
        f"{number:04}-{letter}{rng.randint(1, 9)}",
    )
    return rng.choice(shapes)


def _reference(rng: random.Random) -> str:
    number = rng.randint(100, 999_999)
    prefix = rng.choice(("PO", "PO", "SO", "ORD", "B", "AB", "W"))
    return rng.choice(
        (f"{prefix}-{number}", f"{prefix}{number}", f"{number}", f"45{number:06}", f"{prefix} {number}")
    )
