"""Phrasings: templates grouped by intent, each on one side of the split, and how one is written out."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from enum import StrEnum

from training.data.invoices import Split
from training.data.tickets.facts import fact


class Queue(StrEnum):
    """The choices of the task."""

    BILLING = "billing"
    SHIPPING = "shipping"
    TECHNICAL = "technical"
    ACCOUNT = "account"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Intent:
    """What a customer wants. One template is one group; `train` and `heldout` share none.

    In a template `[a|b]` is a choice, which may nest, and `{name}` a fact. An intent may be on one side
    alone.
    """

    name: str
    train: tuple[str, ...] = ()
    heldout: tuple[str, ...] = ()

    def templates(self, split: Split) -> tuple[str, ...]:
        """The templates of one side."""
        return self.train if split is Split.TRAIN else self.heldout


@dataclass(frozen=True, slots=True)
class Phrases:
    """Pieces that frame a ticket, each on one side of the split."""

    train: tuple[str, ...]
    heldout: tuple[str, ...]

    def of(self, split: Split) -> tuple[str, ...]:
        """The pieces of one side."""
        return self.train if split is Split.TRAIN else self.heldout


@dataclass(frozen=True, slots=True)
class Phrasing:
    """A template that was drawn, and the name of its group."""

    group: str
    template: str


_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_FACT = re.compile(r"\{([a-z]+)\}")


def draw(rng: random.Random, queue: Queue, intents: tuple[Intent, ...], split: Split) -> Phrasing:
    """Draw an intent of the split, then one of its templates."""
    intent = rng.choice([one for one in intents if one.templates(split)])
    templates = intent.templates(split)
    number = rng.randrange(len(templates))
    side = "t" if split is Split.TRAIN else "h"
    return Phrasing(f"{queue}/{intent.name}/{side}{number + 1}", templates[number])


def write(template: str, rng: random.Random, **given: str) -> str:
    """Make every choice, innermost first, and fill in the facts; `given` names further places."""
    while _CHOICE.search(template):
        template = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), template)
    return _FACT.sub(lambda found: given[found[1]] if found[1] in given else fact(found[1], rng), template)
