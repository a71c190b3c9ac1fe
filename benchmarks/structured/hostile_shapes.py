"""Hostile schemas by their shape: size, nesting, combinations and references."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import Any

from benchmarks.structured.drawing import name_of, nested, object_with

# Size and nesting


def deep_objects(rng: Random) -> str:
    depth = rng.choice([20, 55, 500])  # below and above the gateway's bound on nesting
    return '{"properties":{"a":' * depth + f'{{"title":"{name_of(rng)}"}}' + "}}" * depth


def deep_arrays(rng: Random) -> str:
    return object_with(rng, nested(rng.choice([25, 28]), lambda core: {"type": "array", "items": core}, True))


def deep_negation(rng: Random) -> str:
    return object_with(rng, nested(rng.choice([30, 50]), lambda core: {"not": core}, {"type": "string"}))


def huge_enum(rng: Random) -> str:
    return object_with(
        rng, {"enum": [f"{name_of(rng)} {number}" for number in range(rng.choice([9_000, 20_000]))]}
    )


def long_property_names(rng: Random) -> str:
    name = name_of(rng) + "x" * 100_000
    return json.dumps({"type": "object", "properties": {name: {"type": "string"}}, "required": [name]})


def many_properties(rng: Random) -> str:
    properties = {f"{name_of(rng)}": {"type": "integer"} for _ in range(5_000)}
    return json.dumps({"type": "object", "properties": properties, "additionalProperties": False})


# Combinations


def wide_any_of_all_of(rng: Random) -> str:
    def branch() -> dict[str, Any]:
        parts = [{"properties": {name_of(rng): {"type": "integer", "minimum": i}}} for i in range(8)]
        return {"allOf": parts}

    return json.dumps({"type": "object", "anyOf": [branch() for _ in range(60)]})


def one_of_many(rng: Random) -> str:
    branches = [
        {
            "properties": {
                "kind": {"type": "string", "pattern": f"^{name_of(rng)}"},
                "n": {"multipleOf": i + 2},
            }
        }
        for i in range(200)
    ]
    return json.dumps({"type": "object", "oneOf": branches})


def any_of_product(rng: Random) -> str:
    """Twelve choices of four, all at once: four to the power of twelve ways."""
    groups = [{"anyOf": [{"required": [name_of(rng)]} for _ in range(4)]} for _ in range(12)]
    return json.dumps({"type": "object", "allOf": groups})


def pattern_storm(rng: Random) -> str:
    patterns = {f"^{name_of(rng)[:6]}.*{i}.*x": {"type": "integer", "minimum": i} for i in range(150)}
    return json.dumps({"type": "object", "patternProperties": patterns, "additionalProperties": False})


def all_of_patterns(rng: Random) -> str:
    """An intersection of automata, whose states multiply."""
    patterns = [f"(.*{letter}.*){{{rng.randint(3, 9)}}}" for letter in "abcdefgh"]
    return object_with(rng, {"type": "string", "allOf": [{"pattern": pattern} for pattern in patterns]})


def conditions(rng: Random) -> str:
    def wrap(core: Any) -> Any:
        return {"if": {"required": [name_of(rng)]}, "then": core, "else": core}

    return json.dumps({"type": "object", **nested(8, wrap, {"minProperties": 1})})


def unevaluated(rng: Random) -> str:
    branches = [{"properties": {name_of(rng): True}} for _ in range(100)]
    return json.dumps({"type": "object", "anyOf": branches, "unevaluatedProperties": False})


def unique_nested(rng: Random) -> str:
    wrap = lambda core: {"type": "array", "uniqueItems": True, "items": core, "maxItems": 50}  # noqa: E731
    return object_with(rng, nested(12, wrap, {"type": "number"}))


# References


def reference_doubling(rng: Random) -> str:
    """Twenty-five definitions that each use the next one twice."""
    first = name_of(rng)
    names = [first, *(f"d{i}" for i in range(24))]
    defs: dict[str, Any] = {
        name: {"properties": {"l": {"$ref": f"#/$defs/{other}"}, "r": {"$ref": f"#/$defs/{other}"}}}
        for name, other in pairwise(names)
    }
    return json.dumps({"$ref": f"#/$defs/{first}", "$defs": {**defs, names[-1]: {"type": "null"}}})


def all_of_doubling(rng: Random) -> str:
    first = name_of(rng)
    names = [first, *(f"d{i}" for i in range(24))]
    defs: dict[str, Any] = {
        name: {"allOf": [{"$ref": f"#/$defs/{other}"}, {"$ref": f"#/$defs/{other}"}]}
        for name, other in pairwise(names)
    }
    return json.dumps({"$ref": f"#/$defs/{first}", "$defs": {**defs, names[-1]: {"type": "null"}}})


def mutual_recursion(rng: Random) -> str:
    name = name_of(rng)
    a = {"type": "object", "properties": {name: {"$ref": "#/$defs/b"}}, "required": [name]}
    b = {"type": "object", "properties": {name: {"$ref": "#/$defs/a"}}, "required": [name]}
    return json.dumps({"$ref": "#/$defs/a", "$defs": {"a": a, "b": b}})


def self_reference(rng: Random) -> str:
    name = name_of(rng)
    return json.dumps({"$ref": f"#/$defs/{name}", "$defs": {name: {"$ref": f"#/$defs/{name}"}}})


def self_negation(rng: Random) -> str:
    name = name_of(rng)
    return json.dumps({"$ref": f"#/$defs/{name}", "$defs": {name: {"not": {"$ref": f"#/$defs/{name}"}}}})


def dynamic_loop(rng: Random) -> str:
    name = name_of(rng)
    loop = {"$dynamicAnchor": name, "$dynamicRef": f"#{name}"}
    return json.dumps({"$dynamicRef": f"#{name}", "$defs": {"loop": loop}})


def additional_recursion(rng: Random) -> str:
    core = {"additionalProperties": {"$ref": "#"}, "minProperties": 2, "propertyNames": {"minLength": 3}}
    return json.dumps({"title": name_of(rng), "type": "object", "required": [name_of(rng)], **core})


def remote_reference(rng: Random) -> str:
    host = rng.choice(["http://127.0.0.1:9/", "https://schemas.invalid/", "http://[::1]:9/"])
    return object_with(rng, {"$ref": f"{host}{name_of(rng)}.json"})


def file_reference(rng: Random) -> str:
    path = rng.choice(["/etc/passwd", "/proc/self/environ", "/dev/zero"])
    return object_with(rng, {"$ref": f"file://{path}#{name_of(rng)}"})


def encoded_pointer(rng: Random) -> str:
    """The same definition under pointers that are written in other ways; some name nothing."""
    name = name_of(rng)
    target = rng.choice(["%61%2Fb", "%2561~1b", "a%7E1b", "a~1b", "%C3%28", "%", "a/b", "a~2b"])
    return json.dumps({"$ref": f"#/$defs/{name}{target}", "$defs": {f"{name}a/b": {"type": "integer"}}})


def reference_into_data(rng: Random) -> str:
    """A reference to a place that holds data and looks like a schema."""
    name = name_of(rng)
    return json.dumps({"const": {name: {"type": "integer"}}, "anyOf": [{"$ref": f"#/const/{name}"}, True]})


SHAPES = (
    deep_objects,
    deep_arrays,
    deep_negation,
    huge_enum,
    long_property_names,
    many_properties,
    wide_any_of_all_of,
    one_of_many,
    any_of_product,
    pattern_storm,
    all_of_patterns,
    conditions,
    unevaluated,
    unique_nested,
    reference_doubling,
    all_of_doubling,
    mutual_recursion,
    self_reference,
    self_negation,
    dynamic_loop,
    additional_recursion,
    remote_reference,
    file_reference,
    encoded_pointer,
    reference_into_data,
)
