"""A few steps with a grammar, to learn what each costs before an engine finds out under load.

An engine computes the mask of allowed tokens between two forward passes, so a slow step holds up every
request of its batch. The byte tokenizer makes masks cheap, hence a slow one here is slow anywhere.
"""

from __future__ import annotations

import time
from functools import cache

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from gateway.intake.limits import Limits

_MASK_BYTES = 256 // 8


class ProbeError(Exception):
    """The grammar allows nothing, fails, or is too slow."""


@cache
def byte_tokenizer() -> LLTokenizer:
    """The tokenizer whose tokens are bytes."""
    return LLTokenizer("byte")


def probe(grammar: str, limits: Limits) -> None:
    """Walk the grammar for some steps, alternately by its lowest and highest byte.

    Raises:
        ProbeError: a step fails or takes over `mask_seconds` of processor time.
    """
    started = time.thread_time()
    bounds = LLParserLimits(max_grammar_size=limits.grammar_symbols, step_max_items=limits.step_items)
    matcher = LLMatcher(byte_tokenizer(), grammar, log_level=0, limits=bounds)
    for step in range(limits.probe_steps):
        allowed = _allowed(matcher)
        if matcher.is_error():
            raise ProbeError(f"the grammar fails: {_first_line(matcher.get_error())}")
        now = time.thread_time()
        if now - started > limits.mask_seconds:
            raise ProbeError("one step of the grammar takes too long")
        if matcher.is_stopped() or (not allowed and matcher.is_accepting()):
            return
        if not allowed:
            raise ProbeError("the grammar allows nothing")
        lowest, highest = (allowed & -allowed).bit_length() - 1, allowed.bit_length() - 1
        matcher.consume_token(highest if step % 2 else lowest)
        started = time.thread_time()


def _allowed(matcher: LLMatcher) -> int:
    """The bytes that may come next, a bit each."""
    return int.from_bytes(matcher.compute_bitmask()[:_MASK_BYTES], "little")


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:200]
