"""The draft in which a schema is written: as it says, or else by what only an older draft allows."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from gateway.intake.limits import RefusedError
from gateway.intake.walk import walk

_DRAFTS = {
    "http://json-schema.org/draft-04/schema": "draft4",
    "http://json-schema.org/draft-06/schema": "draft6",
    "http://json-schema.org/draft-07/schema": "draft7",
    "https://json-schema.org/draft/2019-09/schema": "draft2019-09",
    "https://json-schema.org/draft/2020-12/schema": "draft2020-12",
}
LATEST = "draft2020-12"
VALIDATORS: dict[str, Any] = {
    "draft4": jsonschema_rs.Draft4Validator,
    "draft6": jsonschema_rs.Draft6Validator,
    "draft7": jsonschema_rs.Draft7Validator,
    "draft2019-09": jsonschema_rs.Draft201909Validator,
    LATEST: jsonschema_rs.Draft202012Validator,
}


def draft_of(schema: dict[str, Any] | bool) -> str:
    """Name the draft.

    Raises:
        RefusedError: `$schema` names a dialect that is not one of the drafts 4 to 2020-12.
    """
    if isinstance(schema, bool):
        return LATEST
    named = schema.get("$schema")
    if named is None:
        return _guessed(schema)
    found = _DRAFTS.get(_plain(named)) if isinstance(named, str) else None
    if found is None:
        raise RefusedError(
            "schema_dialect_unknown",
            "names a dialect that is not known; use draft 4, 6, 7, 2019-09 or 2020-12",
            pointer="/$schema",
            keyword="$schema",
        )
    return found


def _plain(name: str) -> str:
    name = name.removesuffix("#")
    for known in _DRAFTS:
        if name.split("://", 1)[-1] == known.split("://", 1)[1]:
            return known
    return name


def _guessed(schema: dict[str, Any]) -> str:
    """Many clients write draft 7 without saying so; a 2020-12 validator would refuse its tuples."""
    older = LATEST
    for _, node in walk(schema):
        if isinstance(node.get("exclusiveMinimum"), bool) or isinstance(node.get("exclusiveMaximum"), bool):
            return "draft4"
        if "$recursiveRef" in node:
            older = "draft2019-09"
        elif isinstance(node.get("items"), list) or "dependencies" in node:
            older = "draft7"
    return older
