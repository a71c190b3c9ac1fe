"""Hostile schemas by family, as JSON text: what a caller could send to stall, crash or fool a gateway.

Every draw holds a name of its own in a part that bears meaning, so that no cache of verdicts helps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from random import Random
from typing import Any

Family = Callable[[Random], str]
HUGE = 100_000_000


def hostile(seed: int) -> Iterator[tuple[str, str]]:
    """Yield `(family, text)` without end; each round takes every family once, in another order."""
    rng = Random(seed)
    while True:
        names = sorted(FAMILIES)
        rng.shuffle(names)
        for name in names:
            yield name, FAMILIES[name](rng)


def _name(rng: Random) -> str:
    return f"k{rng.getrandbits(48):012x}"


def _object(rng: Random, inner: Any, **more: Any) -> str:
    return json.dumps({"type": "object", "properties": {_name(rng): inner}, **more})


def _nested(depth: int, wrap: Callable[[Any], Any], core: Any) -> Any:
    for _ in range(depth):
        core = wrap(core)
    return core


# Size and nesting


def _deep_objects(rng: Random) -> str:
    depth = rng.choice([20, 55, 500])  # below and above the gateway's bound on nesting
    return '{"properties":{"a":' * depth + f'{{"title":"{_name(rng)}"}}' + "}}" * depth


def _deep_arrays(rng: Random) -> str:
    return _object(rng, _nested(rng.choice([25, 28]), lambda core: {"type": "array", "items": core}, True))


def _deep_negation(rng: Random) -> str:
    return _object(rng, _nested(rng.choice([30, 50]), lambda core: {"not": core}, {"type": "string"}))


def _huge_enum(rng: Random) -> str:
    return _object(rng, {"enum": [f"{_name(rng)} {number}" for number in range(rng.choice([9_000, 20_000]))]})


def _long_property_names(rng: Random) -> str:
    name = _name(rng) + "x" * 100_000
    return json.dumps({"type": "object", "properties": {name: {"type": "string"}}, "required": [name]})


def _many_properties(rng: Random) -> str:
    properties = {f"{_name(rng)}": {"type": "integer"} for _ in range(5_000)}
    return json.dumps({"type": "object", "properties": properties, "additionalProperties": False})


# Combinations


def _wide_any_of_all_of(rng: Random) -> str:
    def branch() -> dict[str, Any]:
        parts = [{"properties": {_name(rng): {"type": "integer", "minimum": i}}} for i in range(8)]
        return {"allOf": parts}

    return json.dumps({"type": "object", "anyOf": [branch() for _ in range(60)]})


def _one_of_many(rng: Random) -> str:
    branches = [
        {"properties": {"kind": {"type": "string", "pattern": f"^{_name(rng)}"}, "n": {"multipleOf": i + 2}}}
        for i in range(200)
    ]
    return json.dumps({"type": "object", "oneOf": branches})


def _any_of_product(rng: Random) -> str:
    """Twelve choices of four, all at once: four to the power of twelve ways."""
    groups = [{"anyOf": [{"required": [_name(rng)]} for _ in range(4)]} for _ in range(12)]
    return json.dumps({"type": "object", "allOf": groups})


def _pattern_storm(rng: Random) -> str:
    patterns = {f"^{_name(rng)[:6]}.*{i}.*x": {"type": "integer", "minimum": i} for i in range(150)}
    return json.dumps({"type": "object", "patternProperties": patterns, "additionalProperties": False})


def _all_of_patterns(rng: Random) -> str:
    """An intersection of automata, whose states multiply."""
    patterns = [f"(.*{letter}.*){{{rng.randint(3, 9)}}}" for letter in "abcdefgh"]
    return _object(rng, {"type": "string", "allOf": [{"pattern": pattern} for pattern in patterns]})


def _conditions(rng: Random) -> str:
    def wrap(core: Any) -> Any:
        return {"if": {"required": [_name(rng)]}, "then": core, "else": core}

    return json.dumps({"type": "object", **_nested(8, wrap, {"minProperties": 1})})


def _unevaluated(rng: Random) -> str:
    branches = [{"properties": {_name(rng): True}} for _ in range(100)]
    return json.dumps({"type": "object", "anyOf": branches, "unevaluatedProperties": False})


def _unique_nested(rng: Random) -> str:
    wrap = lambda core: {"type": "array", "uniqueItems": True, "items": core, "maxItems": 50}  # noqa: E731
    return _object(rng, _nested(12, wrap, {"type": "number"}))


# References


def _reference_doubling(rng: Random) -> str:
    """Twenty-five definitions that each use the next one twice."""
    first = _name(rng)
    names = [first, *(f"d{i}" for i in range(24))]
    defs: dict[str, Any] = {
        name: {"properties": {"l": {"$ref": f"#/$defs/{other}"}, "r": {"$ref": f"#/$defs/{other}"}}}
        for name, other in pairwise(names)
    }
    return json.dumps({"$ref": f"#/$defs/{first}", "$defs": {**defs, names[-1]: {"type": "null"}}})


def _all_of_doubling(rng: Random) -> str:
    first = _name(rng)
    names = [first, *(f"d{i}" for i in range(24))]
    defs: dict[str, Any] = {
        name: {"allOf": [{"$ref": f"#/$defs/{other}"}, {"$ref": f"#/$defs/{other}"}]}
        for name, other in pairwise(names)
    }
    return json.dumps({"$ref": f"#/$defs/{first}", "$defs": {**defs, names[-1]: {"type": "null"}}})


def _mutual_recursion(rng: Random) -> str:
    name = _name(rng)
    a = {"type": "object", "properties": {name: {"$ref": "#/$defs/b"}}, "required": [name]}
    b = {"type": "object", "properties": {name: {"$ref": "#/$defs/a"}}, "required": [name]}
    return json.dumps({"$ref": "#/$defs/a", "$defs": {"a": a, "b": b}})


def _self_reference(rng: Random) -> str:
    name = _name(rng)
    return json.dumps({"$ref": f"#/$defs/{name}", "$defs": {name: {"$ref": f"#/$defs/{name}"}}})


def _self_negation(rng: Random) -> str:
    name = _name(rng)
    return json.dumps({"$ref": f"#/$defs/{name}", "$defs": {name: {"not": {"$ref": f"#/$defs/{name}"}}}})


def _dynamic_loop(rng: Random) -> str:
    name = _name(rng)
    loop = {"$dynamicAnchor": name, "$dynamicRef": f"#{name}"}
    return json.dumps({"$dynamicRef": f"#{name}", "$defs": {"loop": loop}})


def _additional_recursion(rng: Random) -> str:
    core = {"additionalProperties": {"$ref": "#"}, "minProperties": 2, "propertyNames": {"minLength": 3}}
    return json.dumps({"title": _name(rng), "type": "object", "required": [_name(rng)], **core})


def _remote_reference(rng: Random) -> str:
    host = rng.choice(["http://127.0.0.1:9/", "https://schemas.invalid/", "http://[::1]:9/"])
    return _object(rng, {"$ref": f"{host}{_name(rng)}.json"})


def _file_reference(rng: Random) -> str:
    path = rng.choice(["/etc/passwd", "/proc/self/environ", "/dev/zero"])
    return _object(rng, {"$ref": f"file://{path}#{_name(rng)}"})


def _encoded_pointer(rng: Random) -> str:
    """The same definition under pointers that are written in other ways; some name nothing."""
    name = _name(rng)
    target = rng.choice(["%61%2Fb", "%2561~1b", "a%7E1b", "a~1b", "%C3%28", "%", "a/b", "a~2b"])
    return json.dumps({"$ref": f"#/$defs/{name}{target}", "$defs": {f"{name}a/b": {"type": "integer"}}})


def _reference_into_data(rng: Random) -> str:
    """A reference to a place that holds data and looks like a schema."""
    name = _name(rng)
    return json.dumps({"const": {name: {"type": "integer"}}, "anyOf": [{"$ref": f"#/const/{name}"}, True]})


# Text and numbers


def _costly_pattern(rng: Random) -> str:
    pattern = rng.choice(
        [
            r"^(a+)+$",
            r"^(([a-z])+.)+[A-Z]([a-z])+$",
            r"^(.*a){20}$",
            r"(a{0,500}){0,500}",
            r"((x{1,100}){1,100}){1,100}",
            r"^(?:\w{1,300}\s?){1,300}$",
            r"(?:a?){400}a{400}",
        ]
    )
    return _object(rng, {"type": "string", "pattern": f"{pattern}|{_name(rng)}"})


def _irregular_pattern(rng: Random) -> str:
    pattern = rng.choice(
        [
            r"^(a+)\1$",
            r"(?<=x)y",
            r"^(?!.*secret).*$",
            r"(?=a)b",
            r"\bword\b",
            r"(?<n>a)\k<n>",
            r"(a",
            r"\p{X}",
        ]
    )
    return _object(rng, {"type": "string", "pattern": f"{_name(rng)}{pattern}"})


def _many_items(rng: Random) -> str:
    return _object(rng, {"type": "array", "items": {"type": "string"}, "minItems": HUGE})


def _long_text(rng: Random) -> str:
    low = rng.choice([40_000, HUGE])
    return _object(rng, {"type": "string", "minLength": low, "maxLength": low + 1})


def _many_of_many(rng: Random) -> str:
    inner = {"type": "array", "minItems": 40_000, "items": {"type": "boolean"}}
    return _object(rng, {"type": "array", "minItems": 40_000, "items": inner})


def _beyond_double(rng: Random) -> str:
    number = rng.choice(["1e400", "-1e999", "9" * 400, "1" + "0" * 5_000, "1e-400", "0." + "0" * 400 + "1"])
    keyword = rng.choice(["minimum", "multipleOf", "const", "maximum", "exclusiveMinimum"])
    return f'{{"type":"object","properties":{{"{_name(rng)}":{{"{keyword}":{number}}}}}}}'


def _odd_counts(rng: Random) -> str:
    count = rng.choice(["-1", "1.5", "1e3", "1E400", "true", '"3"', "null", "9223372036854775808"])
    keyword = rng.choice(["minItems", "maxLength", "maxProperties", "minContains"])
    return f'{{"type":"object","properties":{{"{_name(rng)}":{{"{keyword}":{count}}}}}}}'


def _lone_surrogate(rng: Random) -> str:
    half = rng.choice(["\\ud800", "\\udfff", "\\udc00\\ud800"])
    return f'{{"type":"object","properties":{{"{_name(rng)}{half}":{{"enum":["{half}"]}}}}}}'


def _colliding_names(rng: Random) -> str:
    """Two names that are one after Unicode normalisation (NFC)."""
    name = _name(rng)
    properties = {f"{name}\u00e9": {"const": 1}, f"{name}e\u0301": {"const": 2}}
    required = list(properties)
    return json.dumps({"type": "object", "properties": properties, "required": required})


def _duplicate_keys(rng: Random) -> str:
    name = _name(rng)
    twice = f'"{name}":{{"type":"string"}},"{name}":{{"type":"null"}}'
    return f'{{"type":"object","properties":{{{twice}}},"type":"array"}}'


# What is no schema


def _unknown_dialect(rng: Random) -> str:
    uri = rng.choice(["https://dialects.invalid/", "file:///etc/hostname#", "urn:", ""]) + _name(rng)
    return json.dumps({"$schema": uri, "type": "object"})


def _no_schema(rng: Random) -> str:
    values = [
        "[]",
        f'"{_name(rng)}"',
        str(rng.getrandbits(40)),
        "null",
        f'{{"type":"{_name(rng)}"}}',
        '{"a":',
    ]
    return rng.choice(values)


def _wrong_keyword_types(rng: Random) -> str:
    keyword, value = rng.choice(
        [
            ("properties", []),
            ("required", "a"),
            ("enum", {}),
            ("enum", []),
            ("items", 5),
            ("pattern", ["a"]),
            ("allOf", []),
            ("$ref", 5),
            ("$defs", 7),
            ("format", {}),
            ("$id", 4),
            ("type", ["string", "string"]),
            ("additionalProperties", None),
        ]
    )
    return _object(rng, {keyword: value})


def _unsatisfiable(rng: Random) -> str:
    parts = [{"type": "string"}, {"type": "integer"}]
    return _object(rng, {"allOf": parts}, minProperties=1, additionalProperties=False)


def _guidance_override(rng: Random) -> str:
    """Options of the grammar library, smuggled in with the schema."""
    options = rng.choice(
        [
            {"whitespace_flexible": True, "lenient": True, "coerce_one_of": True},
            {"whitespace_pattern": "(x{1,500}){1,500}"},
            {"json_allowed_escapes": "u"},
            {"no_such_option": True},
            ["lenient"],
        ]
    )
    return _object(rng, {"type": "string"}, **{"x-guidance": options})


FAMILIES: Mapping[str, Family] = {
    function.__name__.removeprefix("_").replace("_", "-"): function
    for function in (
        _deep_objects,
        _deep_arrays,
        _deep_negation,
        _huge_enum,
        _long_property_names,
        _many_properties,
        _wide_any_of_all_of,
        _one_of_many,
        _any_of_product,
        _pattern_storm,
        _all_of_patterns,
        _conditions,
        _unevaluated,
        _unique_nested,
        _reference_doubling,
        _all_of_doubling,
        _mutual_recursion,
        _self_reference,
        _self_negation,
        _dynamic_loop,
        _additional_recursion,
        _remote_reference,
        _file_reference,
        _encoded_pointer,
        _reference_into_data,
        _costly_pattern,
        _irregular_pattern,
        _many_items,
        _long_text,
        _many_of_many,
        _beyond_double,
        _odd_counts,
        _lone_surrogate,
        _colliding_names,
        _duplicate_keys,
        _unknown_dialect,
        _no_schema,
        _wrong_keyword_types,
        _unsatisfiable,
        _guidance_override,
    )
}
