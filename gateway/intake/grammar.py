"""How much of a schema llguidance can force: all of it, or what is left when some keywords are taken out.

A keyword is taken out only where the schema without it allows more, so that the grammar never forbids an
answer that the schema allows; the whole schema is verified afterwards.
"""

from __future__ import annotations

import copy
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from llguidance import LLMatcher

from gateway.intake.limits import Limits, RefusedError
from gateway.intake.probe import ProbeError, probe
from gateway.intake.verdict import Edit, Unsupported
from gateway.intake.walk import DEFINITIONS, Path, children, pointer, walk

_LEFT = "is verified, not forced by the grammar"
OPTIONS = "x-guidance"
"""llguidance's own key within a schema."""
LAYOUT = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
LENIENT = {"lenient": True}
_FORMAT = re.compile(r"Unknown format: (\S+)")
_VERIFIED_FORMATS = frozenset(
    {
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "idn-email",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "iri",
        "iri-reference",
        "json-pointer",
        "regex",
        "relative-json-pointer",
        "time",
        "uri",
        "uri-reference",
        "uri-template",
        "uuid",
    }
)
"""Formats that the validator checks; any other is a mere note, to the grammar as well."""
_KEPT_AT_THE_ROOT = frozenset({"type", "$schema", "$id", "title", "description", *DEFINITIONS})
_KEYS = re.compile(r"Unimplemented keys: (\[.*?\])(?: \(\d+ times\))?$", re.MULTILINE)
_ONE_OF = "oneOf not fully supported"
_PROPERTY_COUNTS = "min/maxProperties only supported"
_PASSED_OVER = ("Unimplemented keys:", "Unknown format:", _ONE_OF)
"""What it says of keywords that it leaves out; anything else means that it forces something wrongly."""
_UNSATISFIABLE = "Unsatisfiable schema"
_TOGETHER = (
    ("prefixItems", "items", "additionalItems"),
    ("patternProperties", "properties", "additionalProperties"),
)
"""Keywords that read each other: one alone taken out could forbid more."""
_SCALAR = (
    "pattern",
    "format",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "enum",
    "const",
)
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "const")
_REFERENCE_ALONE = frozenset({"draft4", "draft6", "draft7"})
_BESIDE_REFERENCE = DEFINITIONS | {"$ref", "$schema", "$id", "id", "title", "description"}
_COUNTS = ("minItems", "maxItems", "minProperties", "maxProperties")


@dataclass(frozen=True, slots=True)
class Forced:
    """What the grammar forces: the schema's text for a matcher, its edits, and what they leave out.

    `is_lenient` says that the grammar library must be told to pass over what it does not know.
    """

    grammar: str
    edits: tuple[Edit, ...] = ()
    left_out: tuple[Unsupported, ...] = ()
    is_lenient: bool = False


def forced_part(schema: dict[str, Any], limits: Limits, draft: str) -> Forced:
    """Find the largest part that a grammar can force within the limits.

    Raises:
        RefusedError: nothing fits the schema.
    """
    known = _known_trouble(schema, draft)
    try:
        grammar = grammar_of(schema)
        if not known and not _messages(grammar):
            probe(grammar, limits)
            return Forced(grammar)
    except ProbeError:
        pass  # the keyword that costs so much is looked for below
    return _Relaxation(schema, limits, known).run()


def _known_trouble(schema: dict[str, Any], draft: str) -> list[Trouble]:
    """What llguidance takes and forces wrongly: found by comparing it with the validator."""
    found = []
    is_old = draft in _REFERENCE_ALONE
    for path, node in walk(schema):
        if is_old and "$ref" in node:
            # The draft ignores what stands beside a reference, so nothing is left to verify.
            beside = tuple(name for name in node if name not in _BESIDE_REFERENCE)
            found.append(Trouble(path, beside, is_verified=False))
            continue
        gone = [name for name in _BOUNDS if _is_beyond_doubles(node.get(name))]
        if "multipleOf" in node and not _counts_up(node):
            gone.append("multipleOf")  # it knows no negative multiples, and wants 2.50 of 0.25
        if draft == "draft7":
            gone += [name for name in ("contentEncoding", "contentMediaType") if name in node]
        found.append(Trouble(path, tuple(gone)))
    return [trouble for trouble in found if trouble.keywords]


def _counts_up(node: dict[str, Any]) -> bool:
    least, step = node.get("minimum"), node.get("multipleOf")
    return node.get("type") == "integer" and isinstance(least, int) and least >= 0 and isinstance(step, int)


def _is_beyond_doubles(value: object) -> bool:
    return isinstance(value, int) and abs(value) > 2**53


def grammar_of(schema: dict[str, Any], *, is_lenient: bool = False, is_flexible: bool = False) -> str:
    """The grammar of a schema in compact layout, as the engine is sent it, or in any layout."""
    layout = {"whitespace_flexible": True} if is_flexible else LAYOUT
    options = {**layout, **(LENIENT if is_lenient else {})}
    text = json.dumps({**schema, OPTIONS: options}, ensure_ascii=False)
    return str(LLMatcher.grammar_from_json_schema(text))


def edited(schema: dict[str, Any], edits: tuple[Edit, ...]) -> dict[str, Any]:
    """Apply edits to a copy of the schema, and tell llguidance to pass over what it cannot force."""
    changed = dict(schema)
    own = {id(changed)}  # what has been copied already; the rest is shared with the schema
    for edit in edits:
        node: Any = changed
        for part in edit.path:
            if id(node[part]) not in own:
                node[part] = copy.copy(node[part])
                own.add(id(node[part]))
            node = node[part]
        for keyword in edit.keywords:
            node.pop(keyword, None)
    return {**changed, OPTIONS: dict(LENIENT)}


def _messages(grammar: str) -> list[str]:
    """What the grammar library refuses or passes over; empty where it forces all of it."""
    return list(LLMatcher.validate_grammar_with_warnings(grammar)[1])


@dataclass(frozen=True, slots=True)
class Trouble:
    """Keywords of a place that the grammar must not see; `is_verified` says that they mean something."""

    path: Path
    keywords: tuple[str, ...]
    is_verified: bool = True


class _Relaxation:
    """Takes keywords out until the grammar compiles and is cheap; bounded in time."""

    def __init__(self, schema: dict[str, Any], limits: Limits, known: list[Trouble]) -> None:
        self._schema = schema
        self._limits = limits
        self._definitions = {name: schema[name] for name in sorted(DEFINITIONS) if name in schema}
        self._edits: dict[Path, set[str]] = {}
        self._left_out: dict[tuple[str, str], Unsupported] = {}
        self._started = time.thread_time()
        self._known = known

    def run(self) -> Forced:
        try:
            self._relax()
        except _ExhaustedError:
            # The rest may be as costly: force the kind of value alone, and verify all of it.
            self._edits.clear()
            self._left_out.clear()
            self._take_out_known()
            gone = tuple(name for name in self._schema if name not in _KEPT_AT_THE_ROOT)
            self._take_out((), gone, "costs too much to force")
        grammar = grammar_of(edited(self._schema, self._made()), is_lenient=True)
        self._note_passed_over(_messages(grammar))
        return Forced(grammar, self._made(), tuple(self._left_out.values()), is_lenient=True)

    def _relax(self) -> None:
        """Take out what is known to be wrong, then what fails by itself, and then what fails together."""
        self._take_out_known()
        fault = self._whole_fault()
        if fault is not None and _PROPERTY_COUNTS in fault:
            self._take_out_property_counts()
            fault = self._whole_fault()
        if fault is not None:
            self._take_out_scalars()
            fault = self._whole_fault()
        if fault is not None and _UNSATISFIABLE not in fault:
            self._take_out_branches((), self._schema)
            fault = self._whole_fault()
        if fault is None:
            return
        if _UNSATISFIABLE in fault:
            reason = fault.partition(":")[2].strip()
            raise RefusedError("schema_unsatisfiable", f"no answer fits it: {reason}")
        raise _ExhaustedError

    def _made(self) -> tuple[Edit, ...]:
        return self._made_within(())

    def _made_within(self, path: Path) -> tuple[Edit, ...]:
        """The edits at a place and below, deepest first: one further up may take away what leads there."""
        below = [(at[len(path) :], names) for at, names in self._edits.items() if at[: len(path)] == path]
        below.sort(key=lambda edit: (-len(edit[0]), str(edit[0])))
        return tuple(Edit(at, tuple(sorted(names))) for at, names in below)

    def _whole_fault(self) -> str | None:
        return self._fault(edited(self._schema, self._made()), is_probed=True)

    def _fault(self, schema: dict[str, Any], *, is_probed: bool) -> str | None:
        """Why the grammar library, told to pass over what it does not know, still cannot force this."""
        if time.thread_time() - self._started > self._limits.relax_seconds:
            raise _ExhaustedError
        grammar = grammar_of(schema, is_lenient=True)
        is_error, messages = LLMatcher.validate_grammar_with_warnings(grammar)
        if is_error:
            return " ".join(messages)[:300] or "it does not compile"
        odd = [line for line in messages if not line.startswith(_PASSED_OVER)]
        if odd:
            return str(odd[0])[:300]
        if is_probed:
            try:
                probe(grammar, self._limits)
            except ProbeError as error:
                return str(error)
        return None

    def _alone(self, node: dict[str, Any]) -> dict[str, Any]:
        return {**self._definitions, **node}

    def _take_out_known(self) -> None:
        for trouble in self._known:
            if trouble.is_verified:
                self._take_out(trouble.path, trouble.keywords, _LEFT)
            else:
                self._edits.setdefault(trouble.path, set()).update(trouble.keywords)

    def _take_out_property_counts(self) -> None:
        for path, node in walk(self._schema):
            if "properties" in node:
                self._take_out(path, ("minProperties", "maxProperties"), _LEFT)

    def _take_out_scalars(self) -> None:
        """Keywords that fail by themselves: a pattern with look-around, a number out of range."""
        for path, node in walk(self._schema):
            for keyword in _SCALAR:
                if keyword in node and not self._is_fine(node, keyword):
                    self._take_out(path, (keyword,), "cannot be forced by the grammar")
            patterns = node.get("patternProperties")
            if isinstance(patterns, dict) and any(
                self._fault({"type": "string", "pattern": p}, is_probed=True) for p in patterns
            ):
                self._take_out(path, _TOGETHER[1], "a pattern of it cannot be forced by the grammar")

    def _is_fine(self, node: dict[str, Any], keyword: str) -> bool:
        alone = {keyword: node[keyword]}
        if keyword not in ("enum", "const"):
            is_text = keyword in ("pattern", "format", "minLength", "maxLength")
            alone["type"] = "string" if is_text else "number"
            if not is_text and node.get("type") == "integer":
                alone["type"] = "integer"
        return self._fault(alone, is_probed=True) is None

    def _take_out_branches(self, path: Path, node: dict[str, Any]) -> None:
        """Deepest first: what fails with all below it mended loses its keywords by groups."""
        if self._fault(self._alone(self._current(path, node)), is_probed=True) is None:
            return
        for at, child in children(node):
            if isinstance(child, dict):
                self._take_out_branches(path + at, child)
        for keywords in self._groups(node):
            current = self._current(path, node)
            fault = self._fault(self._alone(current), is_probed=True)
            if fault is None or _UNSATISFIABLE in fault:
                return
            self._take_out(path, keywords, "cannot be forced together with what stands beside it")

    def _groups(self, node: dict[str, Any]) -> list[tuple[str, ...]]:
        singles = ("allOf", "oneOf", "anyOf", *_SCALAR, *_COUNTS, "$ref")
        groups = (*((name,) for name in singles), *_TOGETHER, ("required",))
        return [group for group in groups if any(name in node for name in group)]

    def _current(self, path: Path, node: dict[str, Any]) -> dict[str, Any]:
        """A subschema with the edits made within it so far."""
        return edited(node, self._made_within(path))

    def _take_out(self, path: Path, keywords: tuple[str, ...], reason: str) -> None:
        node: Any = self._schema
        for part in path:
            node = node[part]
        gone = [name for name in keywords if name in node]
        self._edits.setdefault(path, set()).update(gone)
        for name in gone:
            self._leave_out(path, name, reason)

    def _note_passed_over(self, messages: list[str]) -> None:
        """Find where the keywords stand that the library names without a place."""
        joined = "\n".join(messages)
        names = {key for found in _KEYS.findall(joined) for key in json.loads(found)}
        if _ONE_OF in joined or "oneOf constraints are not supported" in joined:
            names.add("oneOf")
        formats = _VERIFIED_FORMATS & set(_FORMAT.findall(joined))
        for path, node in walk(self._schema):
            if node.get("format") in formats:
                self._leave_out(path, "format", _LEFT)
            for name in sorted(names & node.keys()):
                self._leave_out(path, name, _LEFT)

    def _leave_out(self, path: Path, keyword: str, reason: str) -> None:
        at = pointer((*path, keyword))
        if len(self._left_out) < self._limits.unsupported_listed:
            self._left_out.setdefault((at, keyword), Unsupported(at, keyword, reason))


class _ExhaustedError(Exception):
    """The search for what to leave out has used up its time."""
