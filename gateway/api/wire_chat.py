"""Chat completions and legacy completions on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from contracts.outcome import Usage
from gateway.api.errors import error_object
from gateway.api.wire import ReplyContext, firstline_object, model_of, sse, usage_object
from gateway.errors import GatewayError
from gateway.records import Delta, Endpoint, ReplySummary, ToolCall

DONE = b"data: [DONE]\n\n"


class ChatWire:
    """`chat.completion` and `text_completion`, whole or in chunks.

    A finish reason is held back until the answer is proven: a client that has seen one has a valid answer.
    """

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._is_chat = context.head.chat.endpoint is Endpoint.CHAT
        self._id = ("chatcmpl-" if self._is_chat else "cmpl-") + context.request_id
        self._seen: set[int] = set()
        self._finishes: list[Delta] = []
        self._usage = Usage()

    def start(self) -> bytes:
        """Nothing precedes the first chunk."""
        return b""

    def delta(self, delta: Delta) -> bytes:
        """A chunk; usage and finish reasons wait for the end."""
        if delta.usage is not None:
            self._usage = delta.usage
            return b""
        out = b""
        if self._is_chat and delta.index not in self._seen:
            self._seen.add(delta.index)
            out = self._chunk([self._choice(delta.index, {"role": "assistant", "content": ""})])
        if delta.finish_reason is not None:
            self._finishes.append(Delta(index=delta.index, finish_reason=delta.finish_reason))
        said = self._said(delta)
        if said or delta.logprobs is not None:
            out += self._chunk([self._choice(delta.index, said, logprobs=delta.logprobs)])
        return out

    def finish(self, summary: ReplySummary) -> bytes:
        """The finish reasons, usage where asked for, `firstline` in the last chunk, then `[DONE]`."""
        extra = {"firstline": firstline_object(self._context, summary.outcome)}
        chunks = [[self._choice(d.index, {}, finish_reason=d.finish_reason)] for d in self._finishes]
        if self._context.head.chat.include_usage:
            out = b"".join(self._chunk(choices) for choices in chunks)
            return out + self._chunk([], **extra, usage=usage_object(self._usage)) + DONE
        *before, last = chunks or [[]]
        return b"".join(self._chunk(choices) for choices in before) + self._chunk(last, **extra) + DONE

    def error(self, error: GatewayError) -> bytes:
        """A terminal error event, with no `[DONE]` after it."""
        return sse(error_object(error))

    def collected(self, deltas: Sequence[Delta], summary: ReplySummary) -> bytes:
        """The whole reply."""
        usage = next((delta.usage for delta in reversed(deltas) if delta.usage is not None), Usage())
        said = [delta for delta in deltas if delta.usage is None]
        indexes = sorted({delta.index for delta in said})
        body = {
            "id": self._id,
            "object": "chat.completion" if self._is_chat else "text_completion",
            "created": self._context.created,
            "model": model_of(self._context, summary.outcome),
            "choices": [
                self._whole([d for d in deltas if d.index == i and d.usage is None]) for i in indexes
            ],
            "usage": usage_object(usage),
            "firstline": firstline_object(self._context, summary.outcome),
        }
        return orjson.dumps(body)

    def _chunk(self, choices: list[dict[str, Any]], **extra: Any) -> bytes:
        body: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion.chunk" if self._is_chat else "text_completion",
            "created": self._context.created,
            "model": self._context.model,
            "choices": choices,
        }
        if self._context.head.chat.include_usage:
            body["usage"] = None
        return sse({**body, **extra})

    def _choice(
        self, index: int, said: dict[str, Any], *, logprobs: Any = None, finish_reason: str | None = None
    ) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": index, "logprobs": logprobs, "finish_reason": finish_reason}
        if self._is_chat:
            return {**choice, "delta": said}
        return {**choice, "text": said.get("content", "")}

    def _said(self, delta: Delta) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if delta.text:
            said["content"] = delta.text
        if delta.reasoning:
            said["reasoning_content"] = delta.reasoning
        if delta.refusal:
            said["refusal"] = delta.refusal
        if delta.tool_calls:
            said["tool_calls"] = [
                {"index": place, **_call(call)} for place, call in enumerate(delta.tool_calls)
            ]
        return said

    def _whole(self, deltas: list[Delta]) -> dict[str, Any]:
        """One choice of a reply that is not streamed."""
        text = "".join(delta.text for delta in deltas)
        logprobs = next((delta.logprobs for delta in deltas if delta.logprobs is not None), None)
        finish = next((d.finish_reason for d in reversed(deltas) if d.finish_reason), "stop")
        choice = {"index": deltas[0].index, "logprobs": logprobs, "finish_reason": finish}
        if not self._is_chat:
            return {**choice, "text": text}
        calls = [call for delta in deltas for call in delta.tool_calls]
        refusal = next((delta.refusal for delta in deltas if delta.refusal), None)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if (calls or refusal) and not text else text,
            "refusal": refusal,
        }
        reasoning = "".join(delta.reasoning for delta in deltas)
        if reasoning:
            message["reasoning_content"] = reasoning
        if calls:
            message["tool_calls"] = [_call(call) for call in calls]
        return {**choice, "message": message}


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
