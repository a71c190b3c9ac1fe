"""Reading a stream of server-sent events as a client does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `name` is empty where the stream gives none."""

    name: str
    data: str

    @property
    def json(self) -> Any:
        """The data, decoded."""
        return json.loads(self.data)


def events_of(text: str) -> list[Event]:
    """Split a whole stream.

    Raises:
        ValueError: the stream does not end with an empty line, or a line is none of ours.
    """
    if text and not text.endswith("\n\n"):
        raise ValueError(f"the stream breaks off within an event: {text[-200:]!r}")
    return [_event(block) for block in text.split("\n\n") if block and not block.startswith(":")]


def chunks_of(text: str) -> list[Any]:
    """The JSON of every event but `[DONE]`."""
    return [event.json for event in events_of(text) if event.data != DONE]


def text_of(chunks: list[Any], index: int = 0) -> str:
    """Join the content of one choice of a chat or a completion."""
    choices = [choice for chunk in chunks for choice in chunk.get("choices", ()) if choice["index"] == index]
    return "".join(
        (choice.get("delta") or choice).get("content", choice.get("text")) or "" for choice in choices
    )


def _event(block: str) -> Event:
    name, data = "", []
    for line in block.split("\n"):
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        else:
            raise ValueError(f"unexpected line {line!r}")
    return Event(name, "\n".join(data))
