"""Generated input: JSON, small schemas, and drafts that may keep them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["id", "total", "ä", "a b"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | NAMES, inner, max_size=4)
    ),
    max_leaves=12,
)

_LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "integer"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "null"},
            {"type": "string", "format": "date"},
            {"type": "string", "minLength": 1, "maxLength": 3},
            {"type": "integer", "minimum": 0, "maximum": 9},
            {"type": "number", "multipleOf": 5},
        ]
    ),
    st.lists(st.sampled_from(["a", 1, None, True]), min_size=1, max_size=3, unique_by=repr).map(
        lambda values: {"enum": values}
    ),
)


def _objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def build(properties: dict[str, Any], are_required: bool, is_open: bool) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": properties,
            "required": sorted(properties) if are_required else [],
            "additionalProperties": is_open,
        }

    fields = st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    return st.builds(build, fields, st.booleans(), st.booleans())


SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: (
        _objects(inner)
        | inner.map(lambda item: {"type": "array", "items": item, "maxItems": 3})
        | st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": options})
    ),
    max_leaves=5,
)


_BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(["abc", "", "2026-01-14", "ä"]),
    "boolean": st.booleans(),
    "null": st.none(),
    "integer": st.integers(-1, 10),
    "number": st.integers(-1, 10),
}


def instances(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that mostly keep a schema of `SCHEMAS`."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([instances(option) for option in schema["anyOf"]])
    if schema["type"] == "object":
        return st.fixed_dictionaries({name: instances(inner) for name, inner in schema["properties"].items()})
    if schema["type"] == "array":
        return st.lists(instances(schema["items"]), max_size=3)
    return _BY_TYPE[schema["type"]]
