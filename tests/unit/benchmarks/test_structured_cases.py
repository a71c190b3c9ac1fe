"""The schemas and prompts for a real engine: seeded, different, and of a form that is served."""

from __future__ import annotations

import jsonschema_rs

from benchmarks.structured.cases import prompts, schemas


def test_a_seed_makes_the_same_cases() -> None:
    assert schemas(3, 5) == schemas(3, 5) != schemas(4, 5)
    assert prompts(3, 5) == prompts(3, 5) != prompts(4, 5)


def test_as_many_are_made_as_asked_for() -> None:
    assert len(set(prompts(3, 100))) == 100
    assert len({str(schema) for schema in schemas(3, 20)}) == 20


def test_every_schema_is_a_valid_one_for_closed_objects() -> None:
    for schema in schemas(3, 50):
        assert jsonschema_rs.meta.is_valid(schema)
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= set(schema["properties"])
