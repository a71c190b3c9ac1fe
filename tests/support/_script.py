"""What a stub engine is told to do with a request, and what it remembers of one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BEFORE_HEADERS = -1
"""For `hang_after` and `cut_after`: nothing is sent, not even a status line."""

_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A native tool call of an upstream model; `arguments` is JSON text."""

    name: str
    arguments: str
    id: str = "call_0001"


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted reply; the defaults answer well.

    `is_echo` answers with the content of the last message. `hang_after` and `cut_after` count tokens that
    are sent first; `hang_after` waits until the engine is released, reset or the client goes. `inject` is
    raw bytes put into the stream (or into the body) after `inject_after` tokens. `piece_bytes` sends the
    stream in pieces of so many bytes, each on its own.
    `status` other than 200 gives vLLM's error body. `body` replaces the whole reply. `is_done` says
    whether a stream ends with `[DONE]`.
    """

    text: str | None = None
    tokens: tuple[str, ...] | None = None
    finish_reason: str | None = None
    tool_calls: tuple[ScriptedCall, ...] = ()
    reasoning: str = ""
    prompt_tokens: int | None = None
    status: int = 200
    message: str = "the scripted engine refuses"
    error_type: str = "InternalServerError"
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str | None = None
    pause_headers_seconds: float = 0.0
    pause_first_seconds: float = 0.0
    pause_between_seconds: float = 0.0
    hang_after: int | None = None
    cut_after: int | None = None
    inject: bytes | None = None
    inject_after: int = 0
    piece_bytes: int | None = None
    is_done: bool = True
    is_echo: bool = False

    def split(self) -> tuple[str, ...]:
        """The tokens of the reply; without `tokens` the text is split into words and marks."""
        return self.tokens if self.tokens is not None else split_tokens(self.text or "")


def split_tokens(text: str) -> tuple[str, ...]:
    """Cut text into pieces that join to it again."""
    return tuple(_TOKEN.findall(text))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Any
