"""The hand-written corpus is labelled right and leaves no keyword of any draft out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gateway.intake.rows import Row, read_rows

CORPUS = Path(__file__).parents[3] / "benchmarks" / "structured" / "corpus" / "handwritten.jsonl"
ROWS = list(read_rows(CORPUS))
METASCHEMAS = {
    "draft-04": "http://json-schema.org/draft-04/schema#",
    "draft-06": "http://json-schema.org/draft-06/schema#",
    "draft-07": "http://json-schema.org/draft-07/schema#",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
}
HOLD_DATA = frozenset(
    {"enum", "const", "default", "examples", "required", "dependentRequired", "$vocabulary", "type"}
)
HOLD_NAMES = frozenset(
    {"properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies"}
)

_BY_DRAFT_4 = {"date-time", "email", "hostname", "ipv4", "ipv6", "uri"}
_BY_DRAFT_6 = _BY_DRAFT_4 | {"uri-reference", "uri-template", "json-pointer"}
_BY_DRAFT_7 = _BY_DRAFT_6 | {
    "date",
    "time",
    "idn-email",
    "idn-hostname",
    "iri",
    "iri-reference",
    "relative-json-pointer",
    "regex",
}
_SINCE_2019 = _BY_DRAFT_7 | {"duration", "uuid"}
# A metaschema says only that `format` is text; the values are those of each draft's chapter on it.
FORMATS = {
    "draft-04": _BY_DRAFT_4,
    "draft-06": _BY_DRAFT_6,
    "draft-07": _BY_DRAFT_7,
    "2019-09": _SINCE_2019,
    "2020-12": _SINCE_2019,
}

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
each_draft = pytest.mark.parametrize("draft", METASCHEMAS)


def keywords_of(draft: str) -> set[str]:
    """Every keyword that the draft's metaschema, with its vocabularies, describes."""
    uri = METASCHEMAS[draft]
    bundled = jsonschema_rs.bundle({"$schema": uri, "$ref": uri}, offline=True)
    documents = bundled.get("$defs") or bundled["definitions"]
    found = {keyword for document in documents.values() for keyword in document["properties"]}
    return found | {"$ref"}  # draft 4 describes references in a document of their own


def used(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every keyword in a schema and all below it, with its value."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        yield keyword, value
        if keyword in HOLD_DATA:
            continue
        below = value.values() if keyword in HOLD_NAMES else value if isinstance(value, list) else [value]
        for part in below:
            yield from used(part)


def rows_of(draft: str) -> list[Row]:
    return [row for row in ROWS if row.schema["$schema"] == METASCHEMAS[draft]]


def test_there_are_fifty_schemas_of_different_names() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS) == 50


@each_row
def test_a_row_has_instances_of_both_kinds(row: Row) -> None:
    assert len(row.valid) >= 3
    assert len(row.invalid) >= 3


@each_row
def test_every_instance_is_as_labelled(row: Row) -> None:
    validator = jsonschema_rs.validator_for(row.schema, validate_formats=True, offline=True)
    assert [value for value in row.valid if not validator.is_valid(value)] == []
    assert [value for value in row.invalid if validator.is_valid(value)] == []


@each_draft
def test_every_keyword_of_a_draft_is_used(draft: str) -> None:
    found = {keyword for row in rows_of(draft) for keyword, _ in used(row.schema)}
    assert found == keywords_of(draft)


@each_draft
def test_every_format_of_a_draft_is_used(draft: str) -> None:
    found = {value for row in rows_of(draft) for keyword, value in used(row.schema) if keyword == "format"}
    assert found == FORMATS[draft]
