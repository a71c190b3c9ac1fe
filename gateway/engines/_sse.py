"""Server-sent events, split however the network splits them (WHATWG HTML, section 9.2)."""

from __future__ import annotations

from collections.abc import Iterator

MAX_EVENT_BYTES = 8 * 1024 * 1024


class EventTooLargeError(ValueError):
    """An event is over the bound; the stream is not one that we can trust."""


class EventParser:
    """Feed bytes, take the `data` of complete events. Comments and other fields are dropped."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._held_bytes = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of each event that this chunk completes.

        Raises:
            EventTooLargeError: one event holds more than `MAX_EVENT_BYTES`.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            text = line[:-1] if line.endswith(b"\r") else line
            if not text:
                if self._data:
                    yield b"\n".join(self._data)
                    self._data, self._held_bytes = [], 0
            elif text.startswith(b"data:"):
                value = text[6:] if text[5:6] == b" " else text[5:]
                self._data.append(value)
                self._held_bytes += len(value)
        if self._held_bytes + len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLargeError(f"a server-sent event is over {MAX_EVENT_BYTES} bytes")
