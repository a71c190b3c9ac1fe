"""One request to a chat model over HTTP, and whatever comes of it as one record."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

import httpx

from contracts.canonical import JsonValue

MAX_REPLY_BYTES: Final = 8 * 1024 * 1024
_MAX_DETAIL: Final = 200
_MAX_RETRY_AFTER_SECONDS: Final = 3600.0


class Failure(StrEnum):
    """Why there is no completion."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    RATE_LIMITED = "rate_limited"
    SERVER = "server_error"
    REFUSED = "request_refused"
    GARBLED = "garbled_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A completion, or why there is none. Token counts are None where the server does not say.

    `refusal` is the model's own refusal. `outcome` and `cost_usd` are a gateway's word on how the answer
    came about and what it cost. `is_final` is a server's word that trying again is of no use.
    """

    text: str | None = None
    finish_reason: str = ""
    refusal: str = ""
    outcome: str = ""
    cost_usd: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    status: int = 0
    failure: Failure | None = None
    code: str = ""
    detail: str = ""
    retry_after_seconds: float | None = None
    is_final: bool = False

    @property
    def is_transient(self) -> bool:
        """Whether the same request may be answered later."""
        return not self.is_final and self.failure is not None and self.failure is not Failure.REFUSED


class _TooLargeError(ValueError):
    """A reply beyond the bound."""


async def post_chat(
    client: httpx.AsyncClient, body: Mapping[str, JsonValue], timeout_seconds: float
) -> Reply:
    """Ask once. Never raises for what the other side does: that is the reply's `failure`."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(timeout_seconds):
            status, headers, raw = await _exchange(client, body)
    except (TimeoutError, httpx.TimeoutException) as error:
        detail = (
            f"no answer within {timeout_seconds:g} s" if isinstance(error, TimeoutError) else _name(error)
        )
        return Reply(failure=Failure.TIMEOUT, detail=detail, seconds=time.perf_counter() - started)
    except httpx.HTTPError as error:
        return Reply(failure=Failure.CONNECTION, detail=_name(error), seconds=time.perf_counter() - started)
    except _TooLargeError as error:
        return Reply(failure=Failure.GARBLED, detail=str(error), seconds=time.perf_counter() - started)
    seconds = time.perf_counter() - started
    if status != httpx.codes.OK:
        return _refused(status, headers, raw, seconds)
    return _completion(raw, headers, seconds)


async def _exchange(
    client: httpx.AsyncClient, body: Mapping[str, JsonValue]
) -> tuple[int, httpx.Headers, bytes]:
    async with client.stream("POST", "chat/completions", json=body) as response:
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > MAX_REPLY_BYTES:
                raise _TooLargeError(f"a reply of more than {MAX_REPLY_BYTES} bytes")
            pieces.append(piece)
    return response.status_code, response.headers, b"".join(pieces)


def _refused(status: int, headers: httpx.Headers, raw: bytes, seconds: float) -> Reply:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        failure = Failure.RATE_LIMITED
    elif status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
        failure = Failure.SERVER
    else:
        failure = Failure.REFUSED
    return Reply(
        failure=failure,
        status=status,
        code=_code(raw),
        detail=f"{status} {_message(raw)}".strip()[:_MAX_DETAIL],
        seconds=seconds,
        retry_after_seconds=_retry_after(headers.get("retry-after", "")),
        outcome=headers.get("x-firstline-outcome", ""),
        cost_usd=_positive(headers.get("x-firstline-cost-usd", "")),
        is_final=headers.get("x-should-retry", "") == "false",
    )


def _completion(raw: bytes, headers: httpx.Headers, seconds: float) -> Reply:
    try:
        reply = json.loads(raw)
        choice = reply["choices"][0]
        message = choice["message"]
        text, usage = message.get("content"), reply.get("usage") or {}
        return Reply(
            text=None if text is None else _text(text),
            finish_reason=_text(choice.get("finish_reason") or "")[:_MAX_DETAIL],
            refusal=_text(message.get("refusal") or "")[:_MAX_DETAIL],
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            outcome=headers.get("x-firstline-outcome", ""),
            cost_usd=_positive(headers.get("x-firstline-cost-usd", "")),
            status=200,
            seconds=seconds,
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        detail = f"the reply is no chat completion: {_name(error)}"
        return Reply(failure=Failure.GARBLED, detail=detail, status=200, seconds=seconds)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("the content is no text")
    return value.encode("utf-8", "replace").decode()  # half of a surrogate pair cannot be written down


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _message(raw: bytes) -> str:
    """What an error body says, in one line."""
    error = _error(raw)
    said = error.get("message") or error.get("code") if isinstance(error, dict) else error
    return " ".join(_text(str(said or "")).split())


def _code(raw: bytes) -> str:
    """The code of an error body."""
    error = _error(raw)
    return _text(str(error.get("code") or ""))[:_MAX_DETAIL] if isinstance(error, dict) else ""


def _error(raw: bytes) -> Any:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body.get("error") if isinstance(body, dict) else None


def _retry_after(value: str) -> float | None:
    """Seconds of a `Retry-After` header, which may be a number or a date; None where there is none."""
    seconds = _positive(value)
    if seconds is None and value:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return None if seconds is None else min(max(seconds, 0.0), _MAX_RETRY_AFTER_SECONDS)


def _positive(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _name(error: BaseException) -> str:
    return type(error).__name__
