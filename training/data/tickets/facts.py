"""Facts that tickets mention: order numbers, amounts, days, products, devices, people."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

_FIRST_NAMES: Final = (
    *("Anna", "Ben", "Carla", "David", "Elif", "Farid", "Grace", "Hanna", "Igor", "Julia", "Kofi", "Lena"),
    *("Marco", "Nadia", "Omar", "Priya", "Quentin", "Rosa", "Sven", "Tara", "Uma", "Viktor", "Wanda"),
    *("Xavier", "Yuki", "Zoe", "Bill", "Mark", "Grant", "Chip", "Aoife", "Mei", "Tomasz", "Lucía"),
)
_LAST_NAMES: Final = (
    *("Adler", "Brown", "Costa", "Dubois", "Evans", "Fischer", "García", "Hughes", "Ivanova", "Jansen"),
    *("Kaya", "Lindqvist", "Moreau", "Novak", "Okafor", "Patel", "Quinn", "Rossi", "Silva", "Tanaka"),
    *("Ueda", "Vogel", "Walsh", "Young", "Zhang", "Price", "Post", "Parcell", "Cash"),
)
_PRODUCTS: Final = (
    *("headphones", "desk lamp", "standing desk", "rain jacket", "coffee grinder", "smart watch", "router"),
    *("office chair", "backpack", "air purifier", "keyboard", "running shoes", "mattress", "bike light"),
    *("security camera", "tablet", "projector", "robot vacuum", "bookshelf", "phone case", "blender"),
    *("webcam", "speaker", "thermostat", "label printer", "e-reader", "tent", "sofa cover", "monitor"),
)
_DEVICES: Final = (
    *(
        "iPhone 13",
        "iPhone 15",
        "Pixel 7",
        "Galaxy S22",
        "iPad",
        "MacBook Air",
        "Windows laptop",
        "Chromebook",
    ),
    *("Android tablet", "work PC", "Linux box", "smart TV", "old phone", "new phone"),
)
_CARRIERS: Final = ("DHL", "UPS", "FedEx", "GLS", "DPD", "Royal Mail", "USPS", "Hermes", "PostNL", "Evri")
_CITIES: Final = (
    *("Leeds", "Austin", "Lyon", "Graz", "Porto", "Gdansk", "Oslo", "Bergen", "Ghent", "Cork", "Bilbao"),
    *("Torino", "Utrecht", "Malmö", "Denver", "Perth", "Toronto", "Dresden", "Basel", "Cardiff", "Reno"),
)
_COUNTRIES: Final = (
    *("Norway", "Switzerland", "Canada", "Brazil", "Ireland", "Japan", "Poland", "Portugal", "New Zealand"),
    *("Iceland", "Malta", "Turkey", "Mexico", "Greece", "the UK", "the Netherlands"),
)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PLANS: Final = ("Basic", "Plus", "Pro", "Premium", "Team", "Family", "Business", "Starter", "Enterprise")
_BROWSERS: Final = ("Chrome", "Firefox", "Safari", "Edge", "Brave", "Opera")
_SYSTEMS: Final = (
    "Windows 11",
    "macOS 14",
    "macOS Sequoia",
    "Android 14",
    "iOS 17",
    "iOS 18",
    "Ubuntu 24.04",
)
_APPS: Final = ("Slack", "Zapier", "Outlook", "Google Calendar", "Shopify", "Salesforce", "Excel", "Teams")


def fact(name: str, rng: random.Random) -> str:
    """One fact of a kind.

    Raises:
        KeyError: no fact has that name.
    """
    return _FACTS[name](rng)


def person(rng: random.Random) -> str:
    """First and last name."""
    return f"{rng.choice(_FIRST_NAMES)} {rng.choice(_LAST_NAMES)}"


def _order(rng: random.Random) -> str:
    number = rng.randint(1000, 9_999_999)
    return rng.choice(
        (f"#{number}", f"{number}", f"ORD-{number}", f"no. {number}", f"A{number}-{rng.randint(1, 9)}")
    )


def _amount(rng: random.Random) -> str:
    value = rng.choice((rng.randint(3, 900), rng.randint(300, 90_000) / 100))
    number = f"{value:.2f}" if isinstance(value, float) else f"{value}"
    return rng.choice(
        (f"${number}", f"€{number}", f"£{number}", f"{number} EUR", f"{number} USD", f"{number}€")
    )


def _day(rng: random.Random) -> str:
    day, month = rng.randint(1, 28), rng.randrange(12)
    return rng.choice(
        (
            f"{_MONTHS[month]} {day}",
            f"{day} {_MONTHS[month]}",
            f"{day:02}/{month + 1:02}",
            f"{day}.{month + 1}.",
            f"the {day}th of {_MONTHS[month]}"
            if day > 3 and day not in (21, 22, 23)
            else f"{_MONTHS[month]} {day}",
        )
    )


def _error(rng: random.Random) -> str:
    return rng.choice(
        (
            f"E{rng.randint(100, 999)}",
            f"0x{rng.randint(0x1000, 0xFFFF):04X}",
            f"ERR_{rng.choice(('TIMEOUT', 'CONN', 'NULL', 'AUTH', 'IO'))}_{rng.randint(1, 99)}",
            f"{rng.choice((400, 403, 404, 500, 502, 503))}",
            f"code {rng.randint(10, 9999)}",
        )
    )


def _tracking(rng: random.Random) -> str:
    return rng.choice(
        (
            f"JD{rng.randint(10**9, 10**10)}",
            f"1Z{rng.randint(10**8, 10**9)}",
            f"{rng.randint(10**11, 10**12)}",
        )
    )


_FACTS: Final[dict[str, Callable[[random.Random], str]]] = {
    "order": _order,
    "amount": _amount,
    "day": _day,
    "error": _error,
    "tracking": _tracking,
    "n": lambda rng: str(rng.randint(2, 9)),
    "many": lambda rng: str(rng.choice((10, 12, 14, 15, 20, 21, 30, 45, 60, 90))),
    "last": lambda rng: f"{rng.randint(0, 9999):04}",
    "version": lambda rng: f"{rng.randint(1, 12)}.{rng.randint(0, 9)}.{rng.randint(0, 20)}",
    "email": lambda rng: (
        f"{rng.choice(_FIRST_NAMES).lower()}{rng.randint(1, 99)}@example.{rng.choice(('com', 'org'))}"
    ),
    "person": person,
    "first": lambda rng: rng.choice(_FIRST_NAMES),
    "product": lambda rng: rng.choice(_PRODUCTS),
    "device": lambda rng: rng.choice(_DEVICES),
    "carrier": lambda rng: rng.choice(_CARRIERS),
    "city": lambda rng: rng.choice(_CITIES),
    "country": lambda rng: rng.choice(_COUNTRIES),
    "month": lambda rng: rng.choice(_MONTHS),
    "weekday": lambda rng: rng.choice(_WEEKDAYS),
    "plan": lambda rng: rng.choice(_PLANS),
    "browser": lambda rng: rng.choice(_BROWSERS),
    "system": lambda rng: rng.choice(_SYSTEMS),
    "app": lambda rng: rng.choice(_APPS),
    "year": lambda rng: str(rng.randint(2012, 2026)),
}
