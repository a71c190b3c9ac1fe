"""Bounds of a contract: over one of them it is refused before anything costly looks at it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What intake takes.

    `schema_bytes` counts the schema as compact JSON; `expanded_subschemas` those that a validator meets on
    one way through all references; `repeats` bounds the `min...` keywords, which a grammar writes out;
    `mask_seconds` is processor time for one step of the grammar, which holds up the engine's whole batch, and
    `step_items` the parser's items in it (llguidance allows 50,000); a grammar of 12,000 symbols was seen to
    take a quarter of a second for its first step. `relax_seconds` of processor time may go
    into finding what to leave out of a grammar.
    """

    schema_bytes: int = 262_144
    depth: int = 64
    subschemas: int = 10_000
    expanded_subschemas: int = 200_000
    cheap_subschemas: int = 2_000
    cheap_seconds: float = 0.003
    enum_values: int = 10_000
    pattern_chars: int = 4_000
    name_chars: int = 4_000
    repeats: int = 50_000
    mask_seconds: float = 0.25
    grammar_symbols: int = 12_000
    step_items: int = 10_000
    relax_seconds: float = 1.0
    probe_steps: int = 48
    unsupported_listed: int = 20


class RefusedError(Exception):
    """The contract cannot be served; `code` is stable, `keyword` and `pointer` say where."""

    def __init__(self, code: str, reason: str, *, pointer: str = "", keyword: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.pointer = pointer
        self.keyword = keyword
