"""The rules of OpenAI's strict mode.

Source: platform.openai.com/docs/guides/structured-outputs, "Supported schemas".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.intake.limits import RefusedError
from gateway.intake.verdict import Unsupported
from gateway.intake.walk import Path, pointer, walk

CODE = "schema_not_strict"
MAX_PROPERTIES = 5_000
MAX_LEVELS = 10
MAX_NAME_CHARS = 120_000
MAX_ENUM_VALUES = 1_000
LARGE_ENUM = 250
MAX_LARGE_ENUM_CHARS = 15_000
_FORBIDDEN = (
    "allOf",
    "not",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "then",
    "else",
    "oneOf",
    "patternProperties",
    "unevaluatedProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "unevaluatedItems",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
)


def strict_faults(schema: dict[str, Any] | bool) -> list[Unsupported]:
    """Name every way in which a schema breaks the rules, each at its path."""
    if not isinstance(schema, dict):
        return [Unsupported("", "type", "strict mode needs an object at the root")]
    faults = list(_root_faults(schema))
    for path, node in walk(schema):
        faults += _node_faults(path, node)
    return faults + list(_size_faults(schema))


def check_strict(schema: dict[str, Any] | bool, listed: int) -> None:
    """Refuse at the first fault. Raises RefusedError."""
    faults = strict_faults(schema)[:listed]
    if faults:
        first = faults[0]
        others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise RefusedError(CODE, first.reason + others, pointer=first.pointer, keyword=first.keyword)


def _root_faults(schema: dict[str, Any]) -> Iterator[Unsupported]:
    if "anyOf" in schema:
        yield Unsupported("/anyOf", "anyOf", "strict mode allows no anyOf at the root")
    elif schema.get("type") != "object" and "$ref" not in schema:
        yield Unsupported("/type", "type", 'strict mode needs "type": "object" at the root')


def _node_faults(path: Path, node: dict[str, Any]) -> Iterator[Unsupported]:
    for keyword in _FORBIDDEN:
        # `$defs` and `properties` hold names, not keywords: walk() passes over them.
        if keyword in node:
            yield Unsupported(pointer((*path, keyword)), keyword, "strict mode does not allow it")
    named = node.get("type")
    is_object = named == "object" or (isinstance(named, list) and "object" in named) or "properties" in node
    if not is_object:
        return
    if node.get("additionalProperties") is not False:
        at = pointer((*path, "additionalProperties"))
        yield Unsupported(at, "additionalProperties", "strict mode needs false here, in every object")
    properties = node.get("properties")
    required = node.get("required")
    names = list(properties) if isinstance(properties, dict) else []
    listed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    missing = [name for name in names if name not in listed]
    if missing:
        reason = f"strict mode needs every property here; missing: {', '.join(map(repr, missing[:5]))}"
        yield Unsupported(pointer((*path, "required")), "required", reason)


def _size_faults(schema: dict[str, Any]) -> Iterator[Unsupported]:
    properties = chars = values = deepest = 0
    for path, node in walk(schema):
        names = [*_keys(node, "properties"), *_keys(node, "$defs"), *_keys(node, "definitions")]
        properties += len(_keys(node, "properties"))
        enum = node.get("enum") if isinstance(node.get("enum"), list) else []
        texts = [value for value in (*(enum or ()), node.get("const")) if isinstance(value, str)]
        chars += sum(map(len, names)) + sum(map(len, texts))
        values += len(enum or ())
        deepest = max(deepest, sum(part in ("properties", "items") for part in path))
        if len(enum or ()) > LARGE_ENUM and sum(map(len, texts)) > MAX_LARGE_ENUM_CHARS:
            at = pointer((*path, "enum"))
            yield Unsupported(at, "enum", f"strict mode allows {MAX_LARGE_ENUM_CHARS} characters here")
    bounds = (
        (properties, MAX_PROPERTIES, "properties", "properties"),
        (chars, MAX_NAME_CHARS, "properties", "characters of names and enum values"),
        (values, MAX_ENUM_VALUES, "enum", "enum values"),
        (deepest, MAX_LEVELS, "properties", "levels of nesting"),
    )
    for found, bound, keyword, what in bounds:
        if found > bound:
            yield Unsupported("", keyword, f"strict mode allows {bound} {what}, not {found}")


def _keys(node: dict[str, Any], keyword: str) -> list[str]:
    value = node.get(keyword)
    return list(value) if isinstance(value, dict) else []
