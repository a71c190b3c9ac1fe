"""Layouts with labels: classic headers, sheets of keys and values, columns."""

from __future__ import annotations

from training.data.invoices.page import Lines, Page


def header_block(page: Page) -> str:
    """Vendor on top, references, bill-to, lines, sums."""
    lines = [page.vendor, *page.address()] if page.vendor else [page.label("phone")]
    if page.chance(0.6):
        lines.insert(page.rng.randrange(2), page.label("invoice"))
    lines += pairs(page, [*page.references(), *page.dates()])
    lines += [f"{page.label('bill_to')}: {page.buyer}", *page.address()]
    lines += item_table(page)
    lines += pairs(page, page.sums())
    return "\n".join([*lines, *page.small_print()])


def key_value_sheet(page: Page) -> str:
    """Every field with its label, in any order."""
    rows = [*page.references(), *page.dates(), *page.sums(), (page.label("bill_to"), page.buyer)]
    if page.vendor:
        rows.append((page.label("vendor"), page.vendor))
    page.rng.shuffle(rows)
    title = [page.label("invoice")] if page.chance(0.5) else []
    return "\n".join([*title, *pairs(page, rows), *page.small_print()])


def label_below(page: Page) -> str:
    """Rows of labels above rows of values, as column headings come out of OCR."""
    rows = [*page.references(), *page.dates()]
    vendor = [page.vendor, *page.address()] if page.vendor else []
    sums = page.sums()
    gap = page.rng.choice(("  ", "    ", " | ", "\t"))
    middle = []
    for start in range(0, len(rows), 3):
        part = rows[start : start + 3]
        middle += [gap.join(label for label, _ in part), gap.join(value for _, value in part)]
    final = [gap.join(label for label, _ in sums), gap.join(value for _, value in sums)] if sums else []
    head = [page.label("invoice"), *vendor] if page.chance(0.5) else [*vendor, page.label("invoice")]
    return "\n".join(
        [*head, *middle, page.label("bill_to"), page.buyer, *item_table(page), *final, *page.small_print()]
    )


def two_columns(page: Page) -> str:
    """The vendor's or buyer's block on the left of the same lines as the references on the right."""
    left = [page.vendor, *page.address()] if page.vendor else [*page.address()]
    left += ["", page.label("bill_to"), page.buyer, *page.address()]
    right = [page.label("invoice"), *pairs(page, [*page.references(), *page.dates()])]
    width = max(len(line) for line in left) + page.rng.randint(2, 12)
    height = max(len(left), len(right))
    rows = [
        f"{left[n] if n < len(left) else '':<{width}}{right[n] if n < len(right) else ''}".rstrip()
        for n in range(height)
    ]
    return "\n".join([*rows, *item_table(page), *pairs(page, page.sums()), *page.small_print()])


def totals_first(page: Page) -> str:
    """A summary box on top, the vendor after it or at the end."""
    summary = [*page.final_sums(), *page.references(), *page.dates()]
    page.rng.shuffle(summary)
    lines = [page.label("invoice"), *pairs(page, summary)]
    block = [page.vendor, *page.address()] if page.vendor else []
    buyer = [f"{page.label('bill_to')} {page.buyer}", *page.address()]
    lines += [*buyer, *block] if page.chance(0.4) and not block else [*block, *buyer]
    return "\n".join([*lines, *item_table(page), *page.small_print()])


def shuffled_blocks(page: Page) -> str:
    """Blocks in any order with rules or blank lines between them; the vendor is the block without a label."""
    rule = page.rng.choice(("", "", "---", "=" * 30, "-" * 24, "_" * 20, "* * *"))
    blocks = [[f"{page.label('bill_to')}: {page.buyer}", *page.address()[: page.rng.randrange(3)]]]
    if page.vendor:
        blocks.append([page.vendor, *page.address()[: page.rng.randint(1, 2)]])
    blocks += [pairs(page, page.references()), pairs(page, page.dates())] if page.chance(0.5) else []
    joined = [] if len(blocks) > 2 else [pairs(page, [*page.references(), *page.dates()])]
    blocks += [*joined, [*item_table(page), *pairs(page, page.sums())]]
    page.rng.shuffle(blocks)
    if page.chance(0.7):
        blocks.insert(0, [page.label("invoice")])
    return f"\n{rule}\n".join("\n".join(block) for block in blocks if block)


def footer_vendor(page: Page) -> str:
    """The buyer on top as the addressee; who issued it is told at the bottom."""
    lines = [f"{page.label('bill_to')}:", page.buyer, *page.address(), page.label("invoice")]
    lines += pairs(page, [*page.references(), *page.dates()])
    lines += [*item_table(page), *pairs(page, page.sums()), *page.small_print()]
    if page.vendor:
        lines.append(f"{page.label('vendor')}: {page.vendor}")
        lines += page.address()[: page.rng.randrange(3)]
    return "\n".join(lines)


def pairs(page: Page, rows: Lines) -> list[str]:
    """`Label: value` lines, all with this document's separator."""
    separator = page.rng.choice((": ", ": ", ":", " ", "   ", " : ", ":\n", "......", " - ", "\t"))
    return [f"{label}{separator}{value}" for label, value in rows]


def item_table(page: Page) -> list[str]:
    """The lines of goods, with or without a heading; empty for a quarter of the documents."""
    if page.chance(0.25):
        return []
    gap = page.rng.choice(("  ", " ", "    ", "\t", " | "))
    heading = gap.join(page.label(kind) for kind in ("description", "quantity", "amount"))
    rows = [
        gap.join((item.name, str(item.quantity), page.number(item.unit_price), page.number(item.amount)))
        for item in page.facts.items
    ]
    return [heading, *rows] if page.chance(0.7) else rows
