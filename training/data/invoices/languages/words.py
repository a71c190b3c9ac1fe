"""The shape of one language's words, as the invoice generator needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LABELS = (
    "invoice",
    "invoice_no",
    "issue_date",
    "due_date",
    "delivery_date",
    "order_date",
    "order_no",
    "customer_no",
    "tax_id",
    "bill_to",
    "vendor",
    "description",
    "quantity",
    "amount",
    "subtotal",
    "tax",
    "shipping",
    "discount",
    "total",
    "amount_due",
    "previous_balance",
    "paid",
    "phone",
    "page",
)
"""Every printed label; each language gives at least one wording of each."""

SENTENCES = (
    "opening",
    "id_date",
    "id_only",
    "date_only",
    "total",
    "vendor",
    "due",
    "delivery",
    "order",
    "parts",
    "previous",
    "paid",
    "buyer",
    "terms",
    "closing",
    "request",
    "chatter",
)
"""Every kind of sentence; `chatter` is text that gives no field at all."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language: labels, sentences with named places, month names and the parts of names.

    `long_dates` are patterns over `{day}`, `{ordinal}` (English), `{month}`, `{short}` and `{year}`.
    A trade name in `trades` is a pattern over `{name}`.
    """

    code: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    long_dates: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    sentences: Mapping[str, tuple[str, ...]]
    goods: tuple[str, ...]
    surnames: tuple[str, ...]
    trades: tuple[str, ...]
    forms: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[str, ...]
