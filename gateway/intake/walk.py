"""Where a JSON Schema holds further schemas, and JSON pointers to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

SINGLE = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
LISTS = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
MAPS = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
DEFINITIONS = frozenset({"$defs", "definitions"})

Path = tuple[str | int, ...]
Schema = dict[str, Any] | bool


def children(schema: Any) -> Iterator[tuple[Path, Any]]:
    """Yield the schemas directly within one, each with its path from there; a boolean schema has none."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        if keyword in SINGLE and isinstance(value, dict | bool):
            yield (keyword,), value
            continue
        named: Iterable[tuple[str | int, Any]] = ()
        if keyword in LISTS and isinstance(value, list):
            named = enumerate(value)
        elif keyword in MAPS and isinstance(value, dict):
            named = value.items()
        # A dependency may be a list of names, which is no schema.
        yield from (((keyword, at), item) for at, item in named if isinstance(item, dict | bool))


def walk(schema: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every schema object within one, itself first; costs no stack."""
    rest: list[tuple[Path, Any]] = [((), schema)]
    while rest:
        path, node = rest.pop()
        if isinstance(node, dict):
            yield path, node
            rest.extend((path + at, child) for at, child in children(node))


def pointer(path: Path | list[str | int]) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def at_pointer(document: Any, fragment: str) -> Any:
    """Take what a JSON pointer names.

    Raises:
        LookupError: there is no such place.
    """
    found = document
    for part in fragment.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (TypeError, ValueError) as error:
            raise LookupError(fragment) from error
    return found
