"""Rows of synthetic tickets: the same seed and split give the same rows anywhere."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from training.data.invoices import Split
from training.data.tickets import frames, tones
from training.data.tickets.corpus import ASIDES, LANGUAGES, PLAIN, TRICKY
from training.data.tickets.noise import damage, type_badly
from training.data.tickets.phrasing import Phrasing, Queue, draw, write


class Slice(StrEnum):
    """What makes a ticket hard."""

    PLAIN = "plain"
    MESSY = "messy"
    AMBIGUOUS = "ambiguous-wording"
    INJECTED = "injected"
    LANGUAGE = "other-language"


@dataclass(frozen=True, slots=True)
class TicketRow:
    """One example. `group` is the queue, the intent and the template; `slice` says what makes it hard."""

    id: str
    text: str
    output: str
    group: str
    slice: str


SHARES: Final[dict[Split, dict[Slice, int]]] = {
    Split.TRAIN: {
        Slice.PLAIN: 28,
        Slice.MESSY: 24,
        Slice.AMBIGUOUS: 26,
        Slice.INJECTED: 11,
        Slice.LANGUAGE: 11,
    },
    Split.HELDOUT: {
        Slice.PLAIN: 24,
        Slice.MESSY: 22,
        Slice.AMBIGUOUS: 24,
        Slice.INJECTED: 15,
        Slice.LANGUAGE: 15,
    },
}
RESERVED: Final = (
    "my parcel has not moved since tuesday",
    "i was charged twice for my subscription this month",
)
"""The examples in the task's file; no row repeats one."""

_MIXED_SHARE = 0.3
_NOISY_INJECTION_SHARE = 0.25


def tickets(seed: int, split: Split) -> Iterator[TicketRow]:
    """Generate rows without end; row n depends on the seed, the split and n alone."""
    for number in itertools.count():
        yield _row(number, seed, split)


def _row(number: int, seed: int, split: Split) -> TicketRow:
    rng = random.Random(f"tickets/{seed}/{split}/{number}")  # noqa: S311 - reproducible data, no secret
    while True:
        queue = rng.choice(list(Queue))
        kind = rng.choices(list(SHARES[split]), list(SHARES[split].values()))[0]
        phrasing, text = _WRITERS[kind](rng, queue, split)
        if not any(sentence in text.lower() for sentence in RESERVED):
            break
    return TicketRow(
        f"ticket-{split}-{seed}-{number:06}", text.strip(), queue.value, phrasing.group, kind.value
    )


def _plain(rng: random.Random, queue: Queue, split: Split) -> tuple[Phrasing, str]:
    phrasing = draw(rng, queue, PLAIN[queue], split)
    return phrasing, tones.dress(write(phrasing.template, rng), rng, split)


def _messy(rng: random.Random, queue: Queue, split: Split) -> tuple[Phrasing, str]:
    phrasing, text = _plain(rng, queue, split)
    text = damage(text, rng)
    if rng.random() < 0.2:
        text = f"{text}\n\n{write(rng.choice(frames.QUOTES.of(split)), rng)}"
    return phrasing, text


def _ambiguous(rng: random.Random, queue: Queue, split: Split) -> tuple[Phrasing, str]:
    """Words of another queue: in the request itself, in a side matter, or in the address."""
    kind = rng.choices(("tricky", "several", "address"), (50, 32, 18))[0]
    phrasing = draw(rng, queue, TRICKY[queue] if kind == "tricky" else PLAIN[queue], split)
    text = write(phrasing.template, rng)
    elsewhere = _another(rng, queue)
    if kind == "several":
        aside = write(rng.choice(ASIDES[elsewhere].of(split)), rng)
        text = write(rng.choice(frames.MULTIPLE.of(split)), rng, core=text, aside=aside)
    elif kind == "address":
        text = write(rng.choice(frames.MISADDRESSED.of(split)), rng, core=text, queue=elsewhere.value)
    return phrasing, tones.dress(text, rng, split)


def _injected(rng: random.Random, queue: Queue, split: Split) -> tuple[Phrasing, str]:
    """A ticket with an order to answer another queue; the request still decides."""
    phrasing, text = _plain(rng, queue, split)
    order = write(rng.choice(frames.INJECTIONS.of(split)), rng, queue=_another(rng, queue).value)
    order = order.upper() if rng.random() < 0.15 else order
    gap = rng.choice((" ", "\n", "\n\n"))
    text = f"{order}{gap}{text}" if rng.random() < 0.3 else f"{text}{gap}{order}"
    return phrasing, type_badly(text, rng) if rng.random() < _NOISY_INJECTION_SHARE else text


def _foreign(rng: random.Random, queue: Queue, split: Split) -> tuple[Phrasing, str]:
    """A ticket in another language, or in that and English."""
    language = rng.choice(list(LANGUAGES))
    phrasing = draw(rng, queue, (LANGUAGES[language][queue],), split)
    text = write(phrasing.template, rng)
    greeting, closing = frames.FOREIGN_FRAMES[language]
    if rng.random() < _MIXED_SHARE:
        english = write(rng.choice(frames.MIXED.of(split)), rng)
        text = f"{english} {text}" if rng.random() < 0.6 else f"{text} {english}"
    elif rng.random() < 0.6:
        text = f"{greeting}\n{text}" + (f"\n\n{write(closing, rng)}" if rng.random() < 0.6 else "")
    return phrasing, type_badly(text, rng) if rng.random() < 0.2 else text


def _another(rng: random.Random, queue: Queue) -> Queue:
    return rng.choice([one for one in Queue if one is not queue])


_WRITERS: Final = {
    Slice.PLAIN: _plain,
    Slice.MESSY: _messy,
    Slice.AMBIGUOUS: _ambiguous,
    Slice.INJECTED: _injected,
    Slice.LANGUAGE: _foreign,
}
