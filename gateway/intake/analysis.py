"""What a schema costs and whether anything finite fits it, found without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.intake.limits import Limits, RefusedError
from gateway.intake.references import REFERENCES, References
from gateway.intake.walk import DEFINITIONS, Path, children, pointer, walk

_REPEATS = ("minItems", "minLength", "minProperties", "minContains")


@dataclass(frozen=True, slots=True)
class Shape:
    """`expanded` counts the subschemas on one way through all references, up to the limit."""

    expanded: int
    is_recursive: bool


def check_bounds(schema: dict[str, Any], limits: Limits) -> None:
    """Check counts, and that every reference stays within the document.

    Raises:
        RefusedError: a bound is passed, or a reference leaves the document.
    """
    for count, (path, node) in enumerate(walk(schema), start=1):
        if count > limits.subschemas:
            raise RefusedError("schema_too_large", f"holds over {limits.subschemas} subschemas")
        if len(path) > 2 * limits.depth:
            raise RefusedError("schema_too_deep", "is nested too deeply", pointer=pointer(path[:8]))
        _check_bounds(path, node, limits)
        _check_names(path, node, limits)
    references = References(schema)
    for path, node in walk(schema):
        _check_references(path, node, references)


def analyse(schema: dict[str, Any], limits: Limits) -> Shape:
    """Measure a schema that is valid and within the bounds.

    Raises:
        RefusedError: its references expand too far, or nothing finite fits.
    """
    references = References(schema)
    order, is_recursive = _order(schema, references)
    if is_recursive and not _has_finite(order, references, schema):
        raise RefusedError(
            "schema_without_base_case", "no finite answer fits: its recursion never ends", keyword="$ref"
        )
    expanded = limits.expanded_subschemas if is_recursive else _expanded(order, references, limits)
    return Shape(expanded, is_recursive)


def _check_bounds(path: Path, node: dict[str, Any], limits: Limits) -> None:
    values = node.get("enum")
    if values == []:
        raise RefusedError(
            "schema_unsatisfiable", "allows no value", pointer=pointer((*path, "enum")), keyword="enum"
        )
    if isinstance(values, list) and len(values) > limits.enum_values:
        raise _explodes(path, "enum", f"has over {limits.enum_values} values")
    patterns = [("pattern", node.get("pattern"))]
    if isinstance(node.get("patternProperties"), dict):
        patterns += [("patternProperties", name) for name in node["patternProperties"]]
    for keyword, value in patterns:
        if isinstance(value, str) and len(value) > limits.pattern_chars:
            raise _explodes(path, keyword, f"a pattern is over {limits.pattern_chars} characters")
    for keyword in _REPEATS:
        value = node.get(keyword)
        if isinstance(value, int | float) and value > limits.repeats:
            raise _explodes(path, keyword, f"is over {limits.repeats}")


def _check_names(path: Path, node: dict[str, Any], limits: Limits) -> None:
    names = node.get("properties")
    if isinstance(names, dict) and any(len(name) > limits.name_chars for name in names):
        raise _explodes(path, "properties", f"a name is over {limits.name_chars} characters")


def _explodes(path: Path, keyword: str, reason: str) -> RefusedError:
    return RefusedError("schema_too_large", reason, pointer=pointer((*path, keyword)), keyword=keyword)


def _check_references(path: Path, node: dict[str, Any], references: References) -> None:
    for keyword in REFERENCES:
        if keyword not in node:
            continue
        try:
            references.target(node, keyword)
        except (LookupError, ValueError) as error:
            raise RefusedError(
                "schema_reference_unknown",
                "names nothing within the schema; references to other documents are never fetched",
                pointer=pointer((*path, keyword)),
                keyword=keyword,
            ) from error


def _uses(node: Any, references: References) -> Iterator[Any]:
    """The schemas that a validator goes on to from one: definitions only through their references."""
    for path, child in children(node):
        if path[0] not in DEFINITIONS:
            yield child
    if isinstance(node, dict):
        for keyword in REFERENCES:
            if keyword in node:
                yield references.target(node, keyword)


def _order(schema: dict[str, Any], references: References) -> tuple[list[dict[str, Any]], bool]:
    """The reachable schema objects, used ones before their users, and whether there is a cycle."""
    order: list[dict[str, Any]] = []
    open_nodes: set[int] = set()
    done: set[int] = set()
    is_recursive = False
    rest: list[tuple[dict[str, Any], bool]] = [(schema, False)]
    while rest:
        node, is_left = rest.pop()
        if is_left:
            open_nodes.discard(id(node))
            done.add(id(node))
            order.append(node)
        elif id(node) not in done and id(node) not in open_nodes:
            open_nodes.add(id(node))
            rest.append((node, True))
            for used in _uses(node, references):
                is_recursive = is_recursive or id(used) in open_nodes
                if isinstance(used, dict):
                    rest.append((used, False))
    return order, is_recursive


def _expanded(order: list[dict[str, Any]], references: References, limits: Limits) -> int:
    sizes: dict[int, int] = {}
    for node in order:
        size = 1 + sum(sizes[id(used)] for used in _uses(node, references) if isinstance(used, dict))
        if size > limits.expanded_subschemas:
            raise RefusedError(
                "schema_too_large",
                f"its references expand to over {limits.expanded_subschemas} subschemas",
                keyword="$ref",
            )
        sizes[id(node)] = size
    return sizes[id(order[-1])]


def _has_finite(order: list[dict[str, Any]], references: References, schema: dict[str, Any]) -> bool:
    """Least fixed point of "a finite value may fit"; False is a proof that none does."""
    finite: set[int] = set()
    has_grown = True
    while has_grown and id(schema) not in finite:
        has_grown = False
        for node in order:
            if id(node) not in finite and _may_end(node, references, finite):
                finite.add(id(node))
                has_grown = True
    return id(schema) in finite


def _may_end(node: dict[str, Any], references: References, finite: set[int]) -> bool:
    def ends(schema: Any) -> bool:
        return schema is not False if isinstance(schema, bool) else id(schema) in finite

    if "$ref" in node and not ends(references.target(node, "$ref")):
        return False
    if not all(map(ends, _listed(node, "allOf"))):
        return False
    if any(name in node and not any(map(ends, _listed(node, name))) for name in ("anyOf", "oneOf")):
        return False
    if "enum" in node or "const" in node:
        return True
    named = node.get("type")
    types = {named} if isinstance(named, str) else set(named) if isinstance(named, list) else None
    if types is None or types - {"object", "array"}:
        return True
    return ("object" in types and _object_ends(node, ends)) or ("array" in types and _array_ends(node, ends))


def _object_ends(node: dict[str, Any], ends: Any) -> bool:
    properties = node.get("properties")
    required = node.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return True
    return all(ends(properties[name]) for name in required if isinstance(name, str) and name in properties)


def _array_ends(node: dict[str, Any], ends: Any) -> bool:
    least = node.get("minItems", 0)
    if not isinstance(least, int | float) or least < 1:
        return True
    tuple_form = node.get("items") if isinstance(node.get("items"), list) else node.get("prefixItems")
    first = _listed({"x": tuple_form}, "x")[: int(min(least, 10_000))]
    if not all(map(ends, first)):
        return False
    items = node.get("items")
    return len(first) >= least or not isinstance(items, dict | bool) or ends(items)


def _listed(node: dict[str, Any], keyword: str) -> list[Any]:
    value = node.get(keyword)
    return value if isinstance(value, list) else []
