"""Hostile schemas by what stands in them: texts, numbers, and what is no schema."""

from __future__ import annotations

import json
from random import Random

from benchmarks.structured.drawing import name_of, object_with

HUGE = 100_000_000

# Text and numbers


def costly_pattern(rng: Random) -> str:
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
    return object_with(rng, {"type": "string", "pattern": f"{pattern}|{name_of(rng)}"})


def irregular_pattern(rng: Random) -> str:
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
    return object_with(rng, {"type": "string", "pattern": f"{name_of(rng)}{pattern}"})


def many_items(rng: Random) -> str:
    return object_with(rng, {"type": "array", "items": {"type": "string"}, "minItems": HUGE})


def long_text(rng: Random) -> str:
    low = rng.choice([40_000, HUGE])
    return object_with(rng, {"type": "string", "minLength": low, "maxLength": low + 1})


def many_of_many(rng: Random) -> str:
    inner = {"type": "array", "minItems": 40_000, "items": {"type": "boolean"}}
    return object_with(rng, {"type": "array", "minItems": 40_000, "items": inner})


def beyond_double(rng: Random) -> str:
    number = rng.choice(["1e400", "-1e999", "9" * 400, "1" + "0" * 5_000, "1e-400", "0." + "0" * 400 + "1"])
    keyword = rng.choice(["minimum", "multipleOf", "const", "maximum", "exclusiveMinimum"])
    return f'{{"type":"object","properties":{{"{name_of(rng)}":{{"{keyword}":{number}}}}}}}'


def odd_counts(rng: Random) -> str:
    count = rng.choice(["-1", "1.5", "1e3", "1E400", "true", '"3"', "null", "9223372036854775808"])
    keyword = rng.choice(["minItems", "maxLength", "maxProperties", "minContains"])
    return f'{{"type":"object","properties":{{"{name_of(rng)}":{{"{keyword}":{count}}}}}}}'


def lone_surrogate(rng: Random) -> str:
    half = rng.choice(["\\ud800", "\\udfff", "\\udc00\\ud800"])
    return f'{{"type":"object","properties":{{"{name_of(rng)}{half}":{{"enum":["{half}"]}}}}}}'


def colliding_names(rng: Random) -> str:
    """Two names that are one after Unicode normalisation (NFC)."""
    name = name_of(rng)
    properties = {f"{name}\u00e9": {"const": 1}, f"{name}e\u0301": {"const": 2}}
    required = list(properties)
    return json.dumps({"type": "object", "properties": properties, "required": required})


def duplicate_keys(rng: Random) -> str:
    name = name_of(rng)
    twice = f'"{name}":{{"type":"string"}},"{name}":{{"type":"null"}}'
    return f'{{"type":"object","properties":{{{twice}}},"type":"array"}}'


# What is no schema


def unknown_dialect(rng: Random) -> str:
    uri = rng.choice(["https://dialects.invalid/", "file:///etc/hostname#", "urn:", ""]) + name_of(rng)
    return json.dumps({"$schema": uri, "type": "object"})


def no_schema(rng: Random) -> str:
    values = [
        "[]",
        f'"{name_of(rng)}"',
        str(rng.getrandbits(40)),
        "null",
        f'{{"type":"{name_of(rng)}"}}',
        '{"a":',
    ]
    return rng.choice(values)


def wrong_keyword_types(rng: Random) -> str:
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
    return object_with(rng, {keyword: value})


def unsatisfiable(rng: Random) -> str:
    parts = [{"type": "string"}, {"type": "integer"}]
    return object_with(rng, {"allOf": parts}, minProperties=1, additionalProperties=False)


def guidance_override(rng: Random) -> str:
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
    return object_with(rng, {"type": "string"}, **{"x-guidance": options})


VALUES = (
    costly_pattern,
    irregular_pattern,
    many_items,
    long_text,
    many_of_many,
    beyond_double,
    odd_counts,
    lone_surrogate,
    colliding_names,
    duplicate_keys,
    unknown_dialect,
    no_schema,
    wrong_keyword_types,
    unsatisfiable,
    guidance_override,
)
