"""All phrasings by queue: plain ones, ones whose words point elsewhere, other languages, side matters."""

from __future__ import annotations

from typing import Final

from training.data.tickets.languages import germanic, romance
from training.data.tickets.phrasing import Intent, Phrases, Queue
from training.data.tickets.queues import (
    account,
    billing,
    everyday_goods,
    everyday_use,
    other,
    shipping,
    technical,
)

_MODULES: Final = {
    Queue.BILLING: billing,
    Queue.SHIPPING: shipping,
    Queue.TECHNICAL: technical,
    Queue.ACCOUNT: account,
    Queue.OTHER: other,
}
_EVERYDAY: Final = {
    Queue.BILLING: everyday_goods.BILLING,
    Queue.SHIPPING: everyday_goods.SHIPPING,
    Queue.TECHNICAL: everyday_use.TECHNICAL,
    Queue.ACCOUNT: everyday_use.ACCOUNT,
    Queue.OTHER: everyday_use.OTHER,
}
_HELDOUT_ASIDES: Final = 2

PLAIN: Final[dict[Queue, tuple[Intent, ...]]] = {
    queue: (*module.PLAIN, *_EVERYDAY[queue]) for queue, module in _MODULES.items()
}
TRICKY: Final[dict[Queue, tuple[Intent, ...]]] = {queue: module.TRICKY for queue, module in _MODULES.items()}
"""Their words belong to another queue than the request does."""

ASIDES: Final[dict[Queue, Phrases]] = {
    queue: Phrases(module.ASIDES[:-_HELDOUT_ASIDES], module.ASIDES[-_HELDOUT_ASIDES:])
    for queue, module in _MODULES.items()
}
"""Side matters of a ticket that is about something else."""

LANGUAGES: Final[dict[str, dict[Queue, Intent]]] = {
    "de": germanic.GERMAN,
    "fr": romance.FRENCH,
    "es": romance.SPANISH,
    "it": romance.ITALIAN,
    "pt": romance.PORTUGUESE,
    "nl": germanic.DUTCH,
}
