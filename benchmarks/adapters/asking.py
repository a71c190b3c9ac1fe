"""Requests of a benchmark and what came back: the word that was said, by which version, when."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

TOKENS = 4
PATIENCE_SECONDS = 120.0
QUESTION = "Say the word."


@dataclass(frozen=True)
class Answer:
    """One reply; `began` and `ended` by the monotonic clock, `version` as the reply's header names it."""

    asked: str
    status: str
    began: float
    ended: float
    version: str = ""
    text: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    def says(self, word: str) -> bool:
        """Whether it is this word and no other."""
        return set(self.text.split()) == {word}


async def ask(session: aiohttp.ClientSession, model: str) -> Answer:
    """Ask a model for a few greedy tokens."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": TOKENS,
        "temperature": 0,
    }
    began = time.monotonic()
    try:
        async with session.post("/v1/chat/completions", json=body) as response:
            reply = await response.json(content_type=None)
            version = response.headers.get("x-firstline-model", "")
            status = str(response.status)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Answer(model, type(error).__name__, began, time.monotonic())
    ended = time.monotonic()
    if status != "200":
        code = reply.get("error", {}).get("code", "") if isinstance(reply, dict) else ""
        return Answer(model, f"{status} {code}".strip(), began, ended)
    return Answer(model, status, began, ended, version, str(reply["choices"][0]["message"]["content"]))


def session_for(url: str) -> aiohttp.ClientSession:
    """A session of a benchmark's clients."""
    return aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS))


def at_share(values: Sequence[float], share: float) -> float | None:
    """A quantile in milliseconds; none of nothing."""
    ordered = sorted(values)
    return round(1000 * ordered[math.ceil(share * len(ordered)) - 1], 1) if ordered else None
