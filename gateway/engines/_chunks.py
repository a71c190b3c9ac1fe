"""An engine's JSON, streamed or whole, as deltas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from contracts.outcome import Usage
from gateway.errors import EngineError
from gateway.records import Delta, ToolCall

_GIVEN_UP = frozenset({"abort", "error"})
"""Finish reasons that are no end of an answer: the engine stopped, or failed, in the middle of it."""


@dataclass(slots=True)
class _OpenCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class ChunkDecoder:
    """Decodes the chunks of one generation; fragments of native tool calls are held until they are whole."""

    def __init__(self) -> None:
        self._calls: dict[tuple[int, int], _OpenCall] = {}

    def decode(self, data: bytes) -> Iterator[Delta]:
        """Yield what one chunk, or one whole reply, says.

        Raises:
            EngineError: it is not what the protocol promises.
        """
        try:
            body = orjson.loads(data)
            choices, usage = body.get("choices") or (), body.get("usage")
            if body.get("error"):
                raise EngineError("the engine failed while it generated")
            for choice in choices:
                delta = self._choice(choice)
                # The chunk that only names the role says nothing yet: no reply may start with it.
                if delta != Delta(index=delta.index):
                    yield delta
            if usage:
                yield Delta(usage=_usage(usage))
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise EngineError("the engine sent something that is not a completion") from error

    def _choice(self, choice: dict[str, Any]) -> Delta:
        index = int(choice.get("index") or 0)
        said = choice.get("delta") or choice.get("message") or {}
        for place, fragment in enumerate(said.get("tool_calls") or ()):
            self._collect(index, place, fragment)
        finish = _text(choice.get("finish_reason")) or None
        if finish in _GIVEN_UP:
            raise EngineError("the engine gave the generation up before it was complete")
        return Delta(
            index=index,
            text=_text(choice.get("text", said.get("content"))),
            reasoning=_text(said.get("reasoning") or said.get("reasoning_content")),
            tool_calls=self._finished(index) if finish else (),
            refusal=_text(said.get("refusal")) or None,
            logprobs=choice.get("logprobs"),
            finish_reason=finish,
        )

    def _collect(self, index: int, place: int, fragment: dict[str, Any]) -> None:
        """Fragments say which call they belong to; the calls of a whole reply are told by their place."""
        given = fragment.get("index")
        call = self._calls.setdefault((index, int(place if given is None else given)), _OpenCall())
        function = fragment.get("function") or {}
        call.id = _text(fragment.get("id")) or call.id
        call.name = _text(function.get("name")) or call.name
        call.arguments.append(_text(function.get("arguments")))

    def _finished(self, index: int) -> tuple[ToolCall, ...]:
        keys = sorted(key for key in self._calls if key[0] == index)
        done = [self._calls.pop(key) for key in keys]
        return tuple(ToolCall(call.id, call.name, "".join(call.arguments) or "{}") for call in done)


def _text(value: object) -> str:
    """Null is no text."""
    if value is not None and not isinstance(value, str):
        raise TypeError("not text")
    return value or ""


def _usage(usage: dict[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
        cached_tokens=int(details.get("cached_tokens") or 0),
    )
