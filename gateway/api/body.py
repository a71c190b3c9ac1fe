"""Reading a request's body, bounded in size and time, and noticing when the client goes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from starlette.types import Message, Receive

from gateway.errors import BodyTooLargeError, InvalidRequestError
from gateway.records import ClientGoneError

_LENGTH = re.compile(r"[0-9]{1,18}")


class BodyReader:
    """Owns the receiving side of one request: first the body, then the wait for a hang-up."""

    def __init__(self, receive: Receive, *, max_bytes: int, timeout_seconds: float) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._is_read = asyncio.Event()
        self.has_hung_up = False
        self.is_answered = False

    async def read(self, content_length: str | None) -> bytes:
        """Read the whole body.

        Raises:
            BodyTooLargeError: it is, or says that it is, over the bound.
            InvalidRequestError: it did not arrive in time.
            ClientGoneError: the client went away.
        """
        if _LENGTH.fullmatch(content_length or "") and int(content_length or 0) > self._max_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._timeout_seconds):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGoneError
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self._max_bytes:
                        raise self._too_large()
                    if not message.get("more_body", False):
                        break
        except TimeoutError as error:
            raise InvalidRequestError(
                f"The request body did not arrive within {self._timeout_seconds:g} s"
            ) from error
        self._is_read.set()
        return b"".join(parts)

    async def wait_for_hang_up(self, tell: Callable[[], object]) -> None:
        """Once the body is read, wait for the client to go, and tell.

        A server also says disconnect once the last byte is out: who sets `is_answered` before that byte
        is not told.
        """
        await self._is_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.is_answered:
            self.has_hung_up = True
            tell()

    async def receive(self) -> Message:
        """For a response that reads nothing more."""
        return {"type": "http.disconnect"}

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(f"The request body is over {self._max_bytes} bytes")
