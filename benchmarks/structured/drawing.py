"""What the families of hostile schemas are drawn with."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any


def name_of(rng: Random) -> str:
    """A name that no other draw has."""
    return f"k{rng.getrandbits(48):012x}"


def object_with(rng: Random, inner: Any, **more: Any) -> str:
    """An object with one property of a new name, as JSON text."""
    return json.dumps({"type": "object", "properties": {name_of(rng): inner}, **more})


def nested(depth: int, wrap: Callable[[Any], Any], core: Any) -> Any:
    """Wrap a schema into itself."""
    for _ in range(depth):
        core = wrap(core)
    return core
