"""Layouts with little room: till receipts, statements, pipe tables, everything on one line."""

from __future__ import annotations

from training.data.invoices.layouts_forms import item_table, pairs
from training.data.invoices.page import Page


def receipt(page: Page) -> str:
    """A narrow till slip: centred vendor, bare references, amounts at the right edge."""
    width = page.rng.randint(28, 42)
    head = [page.vendor.center(width)] if page.vendor else []
    head += [line.center(width) for line in page.address()]
    references = [f"{label} {value}" for label, value in [*page.references(), *page.dates()]]
    rows = [
        f"{item.quantity} x {item.name}".ljust(width - 10) + " " + page.number(item.amount)
        for item in page.facts.items
    ]
    sums = [label.ljust(width - 12) + " " + value for label, value in page.sums()]
    rule = page.rng.choice(("-", "=", "*", ".")) * width
    return "\n".join([*head, rule, *references, rule, *rows, rule, *sums, *page.small_print()])


def statement(page: Page) -> str:
    """A short account summary above the vendor's payment slip."""
    lines = [page.label("invoice"), *pairs(page, [*page.dates(), *page.references()])]
    lines += [page.addressee(), *pairs(page, page.final_sums() or page.sums()), *page.small_print()]
    if page.vendor:
        lines.insert(page.rng.choice((0, len(lines))), f"{page.label('vendor')} {page.vendor}")
    return "\n".join(lines)


def pipe_table(page: Page) -> str:
    """Tables with bars, as converters from PDF write them."""
    lines = [f"# {page.vendor}"] if page.vendor else []
    lines.append(f"## {page.label('invoice')}")
    for label, value in [*page.references(), *page.dates(), (page.label("bill_to"), page.buyer)]:
        lines.append(f"| {label} | {value} |")
    lines += [
        "",
        f"| {page.label('description')} | {page.label('quantity')} | {page.label('amount')} |",
        "|---|---|---|",
    ]
    lines += [f"| {item.name} | {item.quantity} | {page.number(item.amount)} |" for item in page.facts.items]
    lines += [f"| {label} | | {value} |" for label, value in page.sums()]
    return "\n".join([*lines, *page.small_print()])


def single_line(page: Page) -> str:
    """Everything on one line with hardly any label, as pasted from a screen."""
    number = page.invoice_id and page.rng.choice(
        (f"#{page.invoice_id}", page.invoice_id, f"No. {page.invoice_id}")
    )
    head = [page.label("invoice"), number, page.vendor, page.issued]
    if page.chance(0.4):
        head = [page.vendor, page.label("invoice"), number, page.issued]
    if page.chance(0.3):
        head.append(f"{page.label('due_date')} {page.due}")
    sums = [f"{label} {value}" for label, value in page.sums()]
    if page.chance(0.3):
        head.append(" ".join(item_table(page)))
    return " ".join(part for part in [*head, *sums] if part)


def mail_with_headers(page: Page) -> str:
    """A mail whose headers carry other names and dates, and a short list in its body."""
    slug = "".join(
        character for character in page.facts.buyer.lower() if character.isascii() and character.isalnum()
    )
    lines = [
        f"To: accounts@{slug or 'office'}.example",
        f"Subject: {page.label('invoice')} {page.invoice_id}".rstrip(),
    ]
    page.rng.shuffle(lines)
    lines += ["", page.sentence("opening"), *pairs(page, page.dates())]
    lines += [*pairs(page, page.sums()), page.sentence("terms"), page.sentence("closing")]
    if page.vendor:
        lines.append(page.sentence("vendor", vendor=page.vendor))
    return "\n".join(lines)
