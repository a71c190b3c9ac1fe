"""Layouts in sentences: mails and letters about an invoice, and mails about none."""

from __future__ import annotations

from training.data.invoices.page import Page


def prose_mail(page: Page) -> str:
    """A mail that tells every fact in a sentence, with others between them."""
    lead = identity(page)
    body = [*asides(page), *payment(page)]
    if page.vendor and page.chance(0.4):
        body.append(page.sentence("vendor", vendor=page.vendor))
        signature = []
    else:
        signature = [page.sentence("vendor", vendor=page.vendor)] if page.vendor else []
    page.rng.shuffle(body)
    opening = [page.sentence("opening")] if page.chance(0.8) else []
    closing = [page.sentence("closing")] if page.chance(0.4) else []
    return _flow(page, [*opening, *lead, *body, *closing, *signature])


def prose_short(page: Page) -> str:
    """Two to five sentences in any order."""
    parts = [*identity(page), *payment(page)]
    if page.vendor:
        parts.append(page.sentence("vendor", vendor=page.vendor))
    parts += page.rng.sample(asides(page), page.rng.randrange(2))
    page.rng.shuffle(parts)
    return _flow(page, parts or [page.sentence("opening"), page.sentence("closing")])


def identity(page: Page) -> list[str]:
    """The sentences that give number and date, together or apart."""
    if page.invoice_id and page.issued and page.chance(0.7):
        return [page.sentence("id_date", id=page.invoice_id, date=page.issued)]
    number = [page.sentence("id_only", id=page.invoice_id)] if page.invoice_id else []
    day = [page.sentence("date_only", date=page.issued)] if page.issued else []
    return [*number, *day]


def payment(page: Page) -> list[str]:
    """The sentences that give the amount due and what it is made of."""
    totals = page.facts.totals
    if not page.total:
        return []
    moved = [page.sentence("previous", previous=page.money(totals.previous))] if totals.previous else []
    moved += [page.sentence("paid", paid=page.money(totals.paid))] if totals.paid else []
    if moved:
        return [*moved, f"{page.label('amount_due')}: {page.total}."]
    parts = [page.sentence("parts", subtotal=page.money(totals.subtotal), tax=page.money(totals.tax))]
    return [*(parts if page.chance(0.3) else []), page.sentence("total", total=page.total)]


def asides(page: Page) -> list[str]:
    """Sentences with other dates, names and numbers; never empty."""
    sentences = [page.sentence("terms")]
    if page.chance(0.35):
        sentences.append(page.sentence("due", due=page.due))
    if page.chance(0.2):
        sentences.append(page.sentence("delivery", delivery=page.delivered))
    if page.chance(0.25):
        sentences.append(page.sentence("order", order=page.order_id, ordered=page.ordered))
    if page.chance(0.25):
        sentences.append(page.sentence("buyer", buyer=page.buyer))
    return sentences


def chatter(page: Page) -> str:
    """A mail that is no invoice: every field is null."""
    sentences = page.rng.sample(page.words.sentences["chatter"], page.rng.randint(1, 3))
    if page.chance(0.3):
        sentences.append(page.sentence("delivery", delivery=page.delivered))
    return _flow(page, [page.sentence("opening"), *sentences, page.sentence("closing")])


def _flow(page: Page, sentences: list[str]) -> str:
    return page.rng.choice((" ", " ", " ", "\n", "\n\n")).join(sentences)
