"""Random walks through a grammar: whether what it allows is what the whole contract allows.

A schema that is said to be forced whole should never let a walk end in an answer that is not proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from llguidance import LLMatcher

from contracts.output import JsonSchemaOutput
from gateway.intake.probe import byte_tokenizer
from gateway.intake.proof import verifier_of
from gateway.intake.rows import Row
from gateway.intake.verdict import VerdictKind
from gateway.intake.vet import vet

MAX_BYTES = 600
_ENDING = frozenset(b'"]},:')
_PRINTABLE = frozenset(range(32, 127))


def walked(rows: Sequence[Row], walks: int, seed: int) -> dict[str, Any]:
    """Walk each schema's grammar; counts by verdict of walks that ended, and of those not proven."""
    rng = Random(seed)
    ended, unproven = Counter[str](), Counter[str]()
    overclaimed: dict[str, str] = {}
    for row in rows:
        contract = JsonSchemaOutput(kind="json_schema", json_schema=row.schema)
        verdict = vet(contract)
        if verdict.kind is VerdictKind.REFUSED or verdict.grammar is None:
            continue
        verify = verifier_of(contract)
        for text in _texts(verdict.grammar, walks, rng):
            ended[verdict.kind] += 1
            violations = verify(text)
            if violations:
                unproven[verdict.kind] += 1
                if verdict.kind is VerdictKind.CONSTRAINED:
                    overclaimed[row.id] = f"{violations[0].keyword or violations[0].kind}: {text[:160]}"
    return {"ended": dict(ended), "unproven": dict(unproven), "overclaimed": overclaimed}


def _texts(grammar: str, walks: int, rng: Random) -> list[str]:
    matcher = LLMatcher(byte_tokenizer(), grammar, log_level=0)
    found = []
    for _ in range(walks):
        if matcher.is_error() or not matcher.reset():
            matcher = LLMatcher(byte_tokenizer(), grammar, log_level=0)
        text = _walk(matcher, rng)
        if text is not None:
            found.append(text.decode("utf-8", "replace"))
    return found


def _walk(matcher: LLMatcher, rng: Random) -> bytes | None:
    """One text, or None where it grew too long. Marks that end something are preferred, or few walks end."""
    text = bytearray()
    while len(text) < MAX_BYTES:
        mask = int.from_bytes(matcher.compute_bitmask()[:32], "little")
        allowed = [byte for byte in range(256) if mask >> byte & 1]
        if matcher.is_accepting() and (not allowed or rng.random() < 0.3):
            return bytes(text)
        if not allowed:
            return None
        ending = [byte for byte in allowed if byte in _ENDING]
        plain = [byte for byte in allowed if byte in _PRINTABLE] or allowed
        wanted = plain if rng.random() < 0.9 else allowed
        byte = rng.choice(ending) if ending and rng.random() < 0.45 else rng.choice(wanted)
        if not matcher.consume_token(byte):
            return None
        text.append(byte)
    return None
