"""Schemas and prompts of everyday shape, made from a seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Schema = dict[str, Any]
TOPICS = {
    "delivery": ["parcel", "weight_kg", "street", "driver", "arrived", "damage", "signature", "stops"],
    "booking": ["guest", "nights", "room", "breakfast", "rate", "arrival", "requests", "children"],
    "repair": ["machine", "fault", "technician", "hours", "parts", "cost", "safe_to_use", "next_visit"],
    "lesson": ["teacher", "subject", "pupils", "homework", "minutes", "materials", "grade", "room"],
    "harvest": ["crop", "field", "tonnes", "moisture", "workers", "weather", "sold", "buyer"],
    "complaint": ["customer", "product", "reason", "refund", "urgent", "channel", "steps", "opened"],
    "meeting": ["title", "chair", "attendees", "minutes", "decisions", "online", "date", "follow_up"],
}
WORDS = (
    "small",
    "late",
    "blue",
    "second",
    "repaired",
    "northern",
    "quiet",
    "broken",
    "early",
    "heavy",
    "spare",
)
ASKS = (
    "Write the record of this {topic}: {facts}.",
    "A colleague left a note about a {topic}: {facts}. Put it into the form.",
    "{facts}. File this {topic}.",
    "Summarise the {topic} for the system. What is known: {facts}.",
)


def schemas(seed: int, count: int) -> list[Schema]:
    """`count` schemas: three to seven fields of a topic, some nested, some optional."""
    rng = Random(seed)
    return [_record(rng, rng.choice(sorted(TOPICS))) for _ in range(count)]


def prompts(seed: int, count: int) -> list[str]:
    """`count` prompts of one or two sentences."""
    rng = Random(seed + 1)
    made = []
    for number in range(count):
        topic = rng.choice(sorted(TOPICS))
        facts = [f"{name.replace('_', ' ')} {_fact(rng)}" for name in rng.sample(TOPICS[topic], 4)]
        made.append(f"{number + 1}. " + rng.choice(ASKS).format(topic=topic, facts=", ".join(facts)))
    return made


def _fact(rng: Random) -> str:
    return rng.choice([rng.choice(WORDS), str(rng.randint(1, 400)), f"{rng.uniform(0, 50):.2f}", "unknown"])


def _record(rng: Random, topic: str, depth: int = 0) -> Schema:
    names = rng.sample(TOPICS[topic], rng.randint(3, 7) if depth == 0 else rng.randint(2, 3))
    properties = {name: _value(rng, topic, depth) for name in names}
    required = [name for name in names if rng.random() < 0.8] or names[:1]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _value(rng: Random, topic: str, depth: int) -> Schema:
    kinds: list[Callable[[], Schema]] = [
        lambda: {"type": "string", "maxLength": rng.randint(12, 60)},
        lambda: {"type": "string", "enum": rng.sample(WORDS, rng.randint(2, 5))},
        lambda: {"type": "integer", "minimum": 0, "maximum": rng.choice([9, 100, 5000])},
        lambda: {"type": "number", "minimum": 0},
        lambda: {"type": ["number", "null"]},
        lambda: {"type": "boolean"},
        lambda: {"type": "string", "format": "date"},
        lambda: {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3,5}$"},
        lambda: {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 20}]},
    ]
    if depth == 0:
        kinds += [
            lambda: {
                "type": "array",
                "items": {"type": "string", "maxLength": 16},
                "maxItems": rng.randint(1, 4),
            },
            lambda: {
                "type": "array",
                "items": {"enum": rng.sample(WORDS, 4)},
                "uniqueItems": True,
                "maxItems": 3,
            },
            lambda: _record(rng, topic, 1),
        ]
    return rng.choice(kinds)()
