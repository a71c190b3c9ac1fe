"""The HTTP client of one engine: errors of the network and of the engine become ours here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Self

import aiohttp
import orjson

from gateway.engines._sse import EventParser, EventTooLargeError
from gateway.errors import (
    ContextLengthError,
    EngineError,
    EngineTimeoutError,
    GatewayError,
    InvalidRequestError,
    OverloadedError,
    SchemaUnsupportedError,
)

_SECONDS = re.compile(r"[0-9]{1,5}")
KEPT_SECONDS = 4.0
"""How long an idle connection is kept. vLLM's server closes one after 5 s, and a request that meets the close
is lost: nothing tells whether the engine has begun with it."""
MAX_REPLY_BYTES = 32 * 1024 * 1024
_READ_BYTES = 64 * 1024
_CONTEXT_WORDS = ("context length", "max_model_len", "maximum context", "context window")
_GRAMMAR_WORDS = ("grammar error", "invalid grammar", "json schema", "regex parse", "structured output")


class EngineUnreachableError(EngineError):
    """The request never reached the engine, so another engine may be asked."""


class UnknownModelError(EngineError):
    """The engine does not have the model or adapter (a restart loses adapters)."""


class EngineReply:
    """An open response of an engine."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def events(self) -> AsyncIterator[bytes]:
        """Yield the data of each event up to `[DONE]`.

        Raises:
            EngineError: the stream ends before `[DONE]`, or is not a stream of events.
        """
        parser = EventParser()
        try:
            async for chunk in self._response.content.iter_any():
                for data in parser.feed(chunk):
                    if data == b"[DONE]":
                        return
                    yield data
        except EventTooLargeError as error:
            raise EngineError(str(error)) from error
        raise EngineError("the engine's stream ended before it was complete")

    async def body(self) -> bytes:
        """Read the whole body, at most `MAX_REPLY_BYTES`."""
        parts: list[bytes] = []
        size = 0
        async for part in self._response.content.iter_chunked(_READ_BYTES):
            parts.append(part)
            size += len(part)
            if size > MAX_REPLY_BYTES:
                raise EngineError(f"the engine's reply is over {MAX_REPLY_BYTES} bytes")
        return b"".join(parts)


class EngineClient:
    """Keeps the connections to one engine. Start it on the event loop that uses it."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        max_connections: int = 256,
        connect_timeout_seconds: float = 2.0,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._root = url.rstrip("/").removesuffix("/v1")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._max_connections = max_connections
        self._connect_timeout_seconds = connect_timeout_seconds
        self._kept_seconds = kept_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=self._max_connections, ttl_dns_cache=30, keepalive_timeout=self._kept_seconds
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        stall_seconds: float,
        total_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[EngineReply]:
        """Send a request and hand out its reply; leaving the block drops an unread rest.

        `stall_seconds` bounds each silence, `total_seconds` the whole.

        Raises:
            EngineUnreachableError: no connection could be made.
            GatewayError: the engine's own refusal, a broken connection, or a timeout.
        """
        timeout = aiohttp.ClientTimeout(
            total=total_seconds, sock_connect=self._connect_timeout_seconds, sock_read=stall_seconds
        )
        sent = {"Content-Type": "application/json", **(headers or {})}
        with _translated():
            async with self._started().request(
                method, self._root + path, data=body, headers=sent, timeout=timeout, allow_redirects=False
            ) as response:
                reply = EngineReply(response)
                if response.status >= 300:
                    raise refusal(response.status, await reply.body(), response.headers.get("Retry-After"))
                yield reply

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float
    ) -> bytes:
        """Send a request and read its whole reply; raises as `open`."""
        async with self.open(
            method, path, body, stall_seconds=timeout_seconds, total_seconds=timeout_seconds
        ) as reply:
            return await reply.body()

    async def status(self, path: str, *, timeout_seconds: float) -> int:
        """Ask by GET and give the status, a refusal's too; raises as `open` where no answer comes."""
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=self._connect_timeout_seconds)
        with _translated():
            async with self._started().get(
                self._root + path, timeout=timeout, allow_redirects=False
            ) as response:
                await EngineReply(response).body()  # read to its end, so that the connection is kept
                return response.status

    def _started(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineUnreachableError("the engine client is not started")
        return self._session


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the network's errors into ours."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise EngineUnreachableError("the engine did not accept a connection in time") from error
    except aiohttp.ClientConnectorError as error:
        raise EngineUnreachableError("the engine cannot be reached") from error
    except TimeoutError as error:
        raise EngineTimeoutError("the engine did not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise EngineError(f"the connection to the engine broke: {type(error).__name__}") from error


def refusal(status: int, body: bytes, retry_after: str | None = None) -> GatewayError:
    """Turn an engine's error response into ours."""
    message, param = _engine_message(body)
    lowered = message.lower()
    if status in (400, 413, 422):
        if any(words in lowered for words in _CONTEXT_WORDS):
            return ContextLengthError(message, param=param or "messages")
        if any(words in lowered for words in _GRAMMAR_WORDS):
            return SchemaUnsupportedError(message, param=param or "response_format")
        return InvalidRequestError(message, param=param)
    if status == 404:
        return UnknownModelError("the engine does not have the model")
    if status in (429, 503):
        seconds = float(retry_after) if retry_after and _SECONDS.fullmatch(retry_after) else None
        return OverloadedError("the engine has no room", retry_after_seconds=seconds)
    return EngineError(f"the engine answered with status {status}")


def error_event(data: bytes) -> GatewayError | None:
    """Recognise an error that an engine sends inside a stream."""
    if not data.startswith((b'{"error"', b'{ "error"')):
        return None
    message, _ = _engine_message(data)
    code = _error_code(data)
    if code is not None and 400 <= code < 500:
        # vLLM reports what it finds wrong with a stream's request inside the stream.
        return refusal(code, data)
    return EngineError(f"the engine failed while it generated: {message[:200]}")


def _error_code(body: bytes) -> int | None:
    try:
        code = orjson.loads(body)["error"]["code"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return code if isinstance(code, int) else None


def _engine_message(body: bytes) -> tuple[str, str | None]:
    try:
        error = orjson.loads(body)["error"]
        param = error.get("param")
        return str(error["message"])[:2000], _client_param(param) if isinstance(param, str) else None
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return "the engine refused the request", None


def _client_param(param: str) -> str | None:
    """Name the field as the client knows it: vLLM says `body.` before it, and counts `input_tokens`."""
    return None if param == "input_tokens" else param.removeprefix("body.")
