"""One invoice about to be written: its facts, and the wording and notation this document keeps to."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

from training.data.invoices.facts import Facts, Field
from training.data.invoices.languages.words import Words
from training.data.invoices.locales import Locale
from training.data.invoices.notation import (
    ISO_DATE,
    SHORT_DASHED_DATE,
    CurrencyPlace,
    MoneyStyle,
    is_ambiguous,
    write_date,
)

GUARD_OPEN, GUARD_CLOSE = "\ue000", "\ue001"
"""Marks around values: noise passes over what stands between them. They never reach a row."""

Lines = list[tuple[str, str]]

_PLACES = {
    CurrencyPlace.CODE_BEFORE: 25,
    CurrencyPlace.CODE_AFTER: 20,
    CurrencyPlace.SIGN_BEFORE: 30,
    CurrencyPlace.SIGN_AFTER: 15,
    CurrencyPlace.NOWHERE: 10,
}


def guard(value: str) -> str:
    """Protect a value from noise."""
    return f"{GUARD_OPEN}{value}{GUARD_CLOSE}"


class Page:
    """The facts in this document's wording; a missing field is empty wherever it would be printed.

    Every value comes guarded. `invoice_id`, `issued`, `vendor` and `total` are the gold values as
    printed, or empty.
    """

    def __init__(self, facts: Facts, rng: random.Random) -> None:
        self.facts = facts
        self.rng = rng
        self.words: Words = facts.locale.words
        self.style = _money_style(facts.locale, rng)
        self.date_pattern = _date_pattern(facts, self.style, rng)
        self.invoice_id = self._printed(Field.INVOICE_ID, facts.invoice_id)
        self.issued = self._printed(Field.DATE, self._date(facts.issued))
        self.vendor = self._printed(Field.VENDOR, facts.vendor)
        self.total = self._printed(Field.TOTAL_AMOUNT, self.style.money(facts.totals.due))
        self.due = guard(self._date(facts.due))
        self.delivered = guard(self._date(facts.delivered))
        self.ordered = guard(self._date(facts.ordered))
        self.buyer = guard(facts.buyer)
        self.order_id = guard(facts.order_id)

    def label(self, kind: str) -> str:
        """One wording of a label."""
        if kind == "tax" and self.facts.locale.tax_labels:
            return self.rng.choice(self.facts.locale.tax_labels)
        return self.rng.choice(self.words.labels[kind])

    def sentence(self, kind: str, **places: str) -> str:
        """One sentence of a kind, filled in."""
        return self.rng.choice(self.words.sentences[kind]).format(**places)

    def chance(self, share: float) -> bool:
        """Whether a thing of this likelihood happens here."""
        return self.rng.random() < share

    def money(self, amount: Decimal) -> str:
        """An amount with its currency."""
        return guard(self.style.money(amount))

    def number(self, amount: Decimal) -> str:
        """An amount without its currency."""
        return guard(self.style.number(amount))

    def address(self) -> list[str]:
        """A street and a city."""
        street = self.rng.choice(self.words.streets).format(n=self.rng.randint(1, 240))
        return [street, self.rng.choice(self.facts.locale.cities or self.words.cities)]

    def addressee(self) -> str:
        """The buyer's name; with a label where no vendor is printed, so that it cannot pass for one."""
        return self.buyer if self.vendor else f"{self.label('bill_to')}: {self.buyer}"

    def references(self) -> Lines:
        """Label and value of the invoice number, and some other numbers."""
        lines = [("order_no", self.order_id)] if self.chance(0.45) else []
        if self.chance(0.4):
            lines.append(("customer_no", guard(self.facts.customer_id)))
        if self.chance(0.25):
            lines.append(("tax_id", guard(self.facts.tax_id)))
        if self.invoice_id:
            lines.insert(
                self.rng.randrange(2) if lines and self.chance(0.4) else 0, ("invoice_no", self.invoice_id)
            )
        return [(self.label(kind), value) for kind, value in lines]

    def dates(self) -> Lines:
        """Label and value of the date of issue, and some other dates."""
        lines = [("issue_date", self.issued)] if self.issued else []
        others = [
            ("due_date", self.due, 0.55),
            ("delivery_date", self.delivered, 0.25),
            ("order_date", self.ordered, 0.25),
        ]
        lines += [(kind, value) for kind, value, share in others if self.chance(share)]
        if self.chance(0.25):
            self.rng.shuffle(lines)
        return [(self.label(kind), value) for kind, value in lines]

    def sums(self) -> Lines:
        """Label and amount of every sum, ending with what is to be paid."""
        totals = self.facts.totals
        parts = [("subtotal", totals.subtotal), ("discount", -totals.discount), ("shipping", totals.shipping)]
        lines = [(self.label(kind), self.money(amount)) for kind, amount in parts if amount]
        if not self.total:
            return lines if self.chance(0.5) else []
        lines.append((self.label("tax"), self.money(totals.tax)))
        return [*lines, *self.final_sums()]

    def final_sums(self) -> Lines:
        """The total, what is added or already paid, and what is left to pay (the gold value)."""
        totals = self.facts.totals
        if not self.total:
            return []
        moved = [("previous_balance", totals.previous), ("paid", -totals.paid)]
        moved = [(kind, amount) for kind, amount in moved if amount]
        if not moved and self.chance(0.8):
            return [(self.label(self.rng.choice(("total", "total", "amount_due"))), self.total)]
        lines = [(self.label("total"), self.money(totals.total))]
        lines += [(self.label(kind), self.money(amount)) for kind, amount in moved]
        return [*lines, (self.label("amount_due"), self.total)]

    def small_print(self) -> list[str]:
        """A few lines that give no field."""
        draw = self.rng.randint
        phone = f"{self.label('phone')} +{draw(1, 99)} {draw(100, 999)} {draw(10**5, 10**7)}"
        iban = f"IBAN {self.facts.locale.name[-2:]}{draw(10, 99)} {draw(10**11, 10**12 - 1)}"
        choices = [phone, iban, self.label("page"), self.sentence("terms"), self.sentence("closing")]
        return self.rng.sample(choices, self.rng.choice((0, 1, 1, 2, 3)))

    def _printed(self, name: Field, value: str) -> str:
        return "" if name in self.facts.missing else guard(value)

    def _date(self, day: date) -> str:
        return write_date(day, self.date_pattern, self.words)


def _money_style(locale: Locale, rng: random.Random) -> MoneyStyle:
    currency = rng.choice(locale.currencies)
    place = rng.choices(list(_PLACES), list(_PLACES.values()))[0]
    sign = rng.choice(currency.signs or (currency.code,))
    return MoneyStyle(rng.choice(locale.numbers), currency, sign, place)


def _date_pattern(facts: Facts, style: MoneyStyle, rng: random.Random) -> str:
    """A pattern of the place; in English an ambiguous one only where a currency settles it."""
    locale = facts.locale
    written = [*locale.words.long_dates, ISO_DATE]
    if locale.words.code == "en":
        written.append(SHORT_DASHED_DATE)
    pattern = rng.choice(locale.numeric_dates if rng.random() < 0.5 else written)
    dates = (facts.issued, facts.due, facts.delivered, facts.ordered)
    settled = Field.TOTAL_AMOUNT not in facts.missing and style.place is not CurrencyPlace.NOWHERE
    if locale.words.code == "en" and not settled and any(is_ambiguous(day, pattern) for day in dates):
        return rng.choice(written)
    return pattern
