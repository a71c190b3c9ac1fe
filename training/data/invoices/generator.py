"""Rows of synthetic invoices: the same seed and split give the same rows anywhere."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from training.data.invoices import layouts_compact, layouts_forms, layouts_prose, layouts_unseen
from training.data.invoices.facts import Facts, Field, draw_facts
from training.data.invoices.names import Split
from training.data.invoices.noise import scan, unguard
from training.data.invoices.page import Page

Layout = Callable[[Page], str]

KNOWN_LAYOUTS: dict[Layout, int] = {
    layouts_forms.header_block: 14,
    layouts_forms.key_value_sheet: 9,
    layouts_forms.label_below: 9,
    layouts_forms.two_columns: 9,
    layouts_forms.totals_first: 7,
    layouts_forms.shuffled_blocks: 12,
    layouts_forms.footer_vendor: 8,
    layouts_compact.receipt: 8,
    layouts_compact.statement: 6,
    layouts_compact.pipe_table: 6,
    layouts_compact.single_line: 9,
    layouts_compact.mail_with_headers: 7,
    layouts_prose.prose_mail: 16,
    layouts_prose.prose_short: 10,
    layouts_prose.chatter: 2,
}
"""Layouts of the training part, with how often each is drawn."""

UNSEEN_LAYOUTS: dict[Layout, int] = {
    layouts_unseen.boxed: 1,
    layouts_unseen.export_record: 1,
    layouts_unseen.formal_letter: 1,
    layouts_unseen.payment_slip: 1,
}
"""Layouts that only the held-out part has."""

UNSEEN_SHARE = 0.4
REQUEST_SHARE = 0.15
UPPER_SHARE = 0.08
RESERVED_IDS = ("A-1029", "7731")
"""Invoice numbers of the documentation's examples."""


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One example. `group` names vendor, layout and locale; `slice` says whether training had its layout."""

    id: str
    text: str
    output: dict[str, str | float | int | None]
    group: str
    slice: str


def invoices(seed: int, split: Split) -> Iterator[InvoiceRow]:
    """Generate rows without end; row n depends on the seed, the split and n alone."""
    for number in itertools.count():
        yield _row(number, seed, split)


def _row(number: int, seed: int, split: Split) -> InvoiceRow:
    rng = random.Random(f"invoices/{seed}/{split}/{number}")  # noqa: S311 - reproducible data, no secret
    unseen = split is Split.HELDOUT and rng.random() < UNSEEN_SHARE
    layouts = UNSEEN_LAYOUTS if unseen else KNOWN_LAYOUTS
    layout = rng.choices(list(layouts), list(layouts.values()))[0]
    facts = draw_facts(rng, split)
    while facts.invoice_id in RESERVED_IDS:
        facts = draw_facts(rng, split)
    page = Page(facts, rng)
    text = scan(layout(page), rng)
    upper = rng.random() < UPPER_SHARE
    text = unguard(text.upper() if upper else text)
    if rng.random() < REQUEST_SHARE:
        text = page.sentence("request") + rng.choice((" ", "\n", "\n\n")) + text
    name = layout.__name__.replace("_", "-")
    gold = dict.fromkeys(Field) if layout is layouts_prose.chatter else _gold(facts, upper=upper)
    return InvoiceRow(
        id=f"{split}-{seed}-{number:06}",
        text=text.strip(),
        output={field.value: value for field, value in gold.items()},
        group=f"{facts.vendor}/{name}/{facts.locale.name}",
        slice="new-layout" if unseen else "known-layout",
    )


def _gold(facts: Facts, *, upper: bool) -> dict[Field, str | float | int | None]:
    """The fields as the page prints them; a page in upper case has its vendor in upper case."""
    values: dict[Field, str | float | int | None] = {
        Field.INVOICE_ID: facts.invoice_id.upper() if upper else facts.invoice_id,
        Field.DATE: facts.issued.isoformat(),
        Field.VENDOR: facts.vendor.upper() if upper else facts.vendor,
        Field.TOTAL_AMOUNT: _number(facts.totals.due),
    }
    return {name: None if name in facts.missing else value for name, value in values.items()}


def _number(amount: Decimal) -> float | int:
    """An amount without decimals in its notation is an integer; any other is a float, 372.00 as 372.0."""
    return int(amount) if amount.as_tuple().exponent == 0 else float(amount)
