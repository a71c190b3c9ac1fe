"""Canonical JSON: the one written form that training targets, grammars and evaluation share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated
from urllib.parse import unquote

from pydantic import StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hexadecimal."""

JsonScalar = str | int | float | bool | None
JsonValue = JsonScalar | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


class JsonForm(StrEnum):
    """How JSON is laid out: `compact` has no white space, `spaced` is the default of `json.dumps`."""

    COMPACT = "compact"
    SPACED = "spaced"


_SEPARATORS = {JsonForm.COMPACT: (",", ":"), JsonForm.SPACED: (", ", ": ")}


def canonical_json(value: JsonValue, schema: JsonValue = None, form: JsonForm = JsonForm.COMPACT) -> str:
    """Write `value` with keys in the schema's order (unknown keys after them, as given) and no ASCII escapes.

    Raises:
        ValueError: a number that JSON cannot hold (NaN or an infinity).
    """
    ordered = _ordered(value, schema, schema)
    return json.dumps(ordered, ensure_ascii=False, allow_nan=False, separators=_SEPARATORS[form])


def content_hash(*parts: bytes) -> str:
    """SHA-256 in hexadecimal over the parts, each preceded by its length, so that no two lists collide."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def stable_bytes(value: JsonValue) -> bytes:
    """Bytes that depend on the value alone (sorted keys), for hashing."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8", "surrogatepass")


def _ordered(value: JsonValue, schema: JsonValue, root: JsonValue) -> JsonValue:
    node = _resolve(schema, root)
    if isinstance(value, Mapping):
        properties = node.get("properties")
        known = properties if isinstance(properties, Mapping) else {}
        names = [name for name in known if name in value] + [name for name in value if name not in known]
        return {name: _ordered(value[name], known.get(name), root) for name in names}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_ordered(item, node.get("items"), root) for item in value]
    return value


def _resolve(schema: JsonValue, root: JsonValue) -> Mapping[str, JsonValue]:
    """Follow `$ref` inside the document; a chain is followed at most 32 links."""
    node = schema
    for _ in range(32):
        if not isinstance(node, Mapping):
            return {}
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return node
        node = _pointer(root, reference[1:])
    return {}


def _pointer(root: JsonValue, pointer: str) -> JsonValue:
    """RFC 6901 look-up of a URI fragment; a missing target gives None."""
    if pointer and not pointer.startswith("/"):
        return None  # an anchor, which is no pointer
    node = root
    for token in unquote(pointer).split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping):
            node = node.get(key)
        elif isinstance(node, list) and key.isdecimal() and len(key) < 10:
            node = node[int(key)] if int(key) < len(node) else None
        else:
            return None
    return node
