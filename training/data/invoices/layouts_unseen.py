"""Layouts that no training row uses: the held-out part shows how well the adapter carries over."""

from __future__ import annotations

from training.data.invoices.layouts_prose import asides, identity, payment
from training.data.invoices.page import Page


def boxed(page: Page) -> str:
    """A form drawn with characters, one box for each group of fields."""
    width = page.rng.randint(44, 60)
    edge = "+" + "-" * width + "+"

    def box(lines: list[str]) -> list[str]:
        return [edge, *(f"| {line.ljust(width - 2)} |" for line in lines)]

    vendor = [page.vendor, *page.address()] if page.vendor else page.address()
    facts = [f"{label}: {value}" for label, value in [*page.references(), *page.dates()]]
    buyer = [f"{page.label('bill_to')}: {page.buyer}"]
    sums = [f"{label}: {value}" for label, value in page.sums()]
    return "\n".join(
        [*box([page.label("invoice")]), *box(buyer), *box(facts), *box(vendor), *box(sums), edge]
    )


def export_record(page: Page) -> str:
    """One record of an accounting export: `label=value` parts on one or two lines."""
    rows = [*page.references(), *page.dates(), *page.sums(), (page.label("bill_to"), page.buyer)]
    if page.vendor:
        rows.insert(page.rng.randrange(len(rows)), (page.label("vendor"), page.vendor))
    separator = page.rng.choice(("; ", ";", " / ", " ~ "))
    return separator.join(f"{label.upper().replace(' ', '_')}={value}" for label, value in rows)


def formal_letter(page: Page) -> str:
    """A letterhead, the addressee, then paragraphs that give the facts in sentences."""
    head = [page.vendor, *page.address(), ""] if page.vendor else [*page.address(), ""]
    addressee = [page.addressee(), *page.address(), ""]
    first = " ".join([page.sentence("opening"), *identity(page)])
    others = asides(page)
    page.rng.shuffle(others)
    second = " ".join([*payment(page), *others])
    return "\n".join([*head, *addressee, first, "", second, "", page.sentence("closing")])


def payment_slip(page: Page) -> str:
    """A tear-off slip: labels at the left edge, values at the right, who is paid in the last rows."""
    width = page.rng.randint(46, 64)
    rows = [*page.final_sums(), *page.references(), *page.dates(), (page.label("bill_to"), page.buyer)]
    if page.vendor:
        rows.append((page.label("vendor"), page.vendor))
    cut = "- - - - - - - - - - 8< - - - - - - - - - -"
    filled = [f"{label} {'.' * max(3, width - len(label) - len(value))} {value}" for label, value in rows]
    return "\n".join([page.sentence("terms"), cut, *filled, *page.small_print()])
