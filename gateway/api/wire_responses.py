"""The Responses API on the wire, not stored (OpenAI API reference, "Responses" and its streaming events)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from contracts.outcome import Usage
from gateway.api.wire import ReplyContext, firstline_object, model_of, sse
from gateway.errors import GatewayError
from gateway.records import Delta, ReplySummary, ToolCall

_ECHO_DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
}


class ResponsesWire:
    """`response` objects and their events; `sequence_number` counts the events of one stream."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._id = f"resp_{context.request_id}"
        self._message_id = f"msg_{context.request_id}"
        self._sequence = 0
        self._text: list[str] = []
        self._refusal: str | None = None
        self._calls: list[ToolCall] = []
        self._usage = Usage()
        self._finish: str | None = None
        self._is_message_open = False

    def start(self) -> bytes:
        """The response is created and in progress."""
        response = self._response("in_progress")
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def delta(self, delta: Delta) -> bytes:
        """Text as it comes; calls and refusals whole."""
        self._usage = delta.usage or self._usage
        self._finish = delta.finish_reason or self._finish
        out = b""
        if delta.text:
            out += self._opened("output_text") + self._part_event("output_text.delta", delta=delta.text)
            self._text.append(delta.text)
        if delta.refusal:
            out += self._opened("refusal") + self._part_event("refusal.delta", delta=delta.refusal)
            self._refusal = delta.refusal
        for call in delta.tool_calls:
            out += self._call_events(call, len(self._calls) + int(self._is_message_open))
            self._calls.append(call)
        return out

    def finish(self, summary: ReplySummary) -> bytes:
        """Close the open item and complete the response."""
        status = self._status()
        extra = {"firstline": firstline_object(self._context, summary.outcome)}
        response = self._response(status, model_of(self._context, summary.outcome)) | extra
        name = "response.completed" if status == "completed" else "response.incomplete"
        return self._closed() + self._event(name, response=response)

    def error(self, error: GatewayError) -> bytes:
        """A terminal `error` event."""
        return self._event("error", code=error.code, message=error.message, param=error.param)

    def collected(self, deltas: Sequence[Delta], summary: ReplySummary) -> bytes:
        """The whole response."""
        for delta in deltas:
            self._usage = delta.usage or self._usage
            self._finish = delta.finish_reason or self._finish
            self._text.append(delta.text)
            self._refusal = delta.refusal or self._refusal
            self._calls += delta.tool_calls
        response = self._response(self._status(), model_of(self._context, summary.outcome))
        return orjson.dumps(response | {"firstline": firstline_object(self._context, summary.outcome)})

    def _status(self) -> str:
        return "incomplete" if self._finish == "length" else "completed"

    def _event(self, kind: str, **fields: Any) -> bytes:
        event = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return sse(event, event=kind)

    def _part_event(self, name: str, **fields: Any) -> bytes:
        place: dict[str, Any] = {"item_id": self._message_id, "output_index": 0, "content_index": 0}
        if name.startswith("output_text"):
            place["logprobs"] = []  # the clients' types require it
        return self._event(f"response.{name}", **place, **fields)

    def _opened(self, kind: str) -> bytes:
        if self._is_message_open:
            return b""
        self._is_message_open = True
        item = self._message("in_progress") | {"content": []}
        empty = _part(kind, "")
        place = {"item_id": self._message_id, "output_index": 0, "content_index": 0}
        return self._event("response.output_item.added", output_index=0, item=item) + self._event(
            "response.content_part.added", **place, part=empty
        )

    def _closed(self) -> bytes:
        if not self._is_message_open:
            return b""
        text = "".join(self._text)
        kind, value = ("refusal", self._refusal) if self._refusal else ("output_text", text)
        name, field = ("refusal.done", "refusal") if self._refusal else ("output_text.done", "text")
        place = {"item_id": self._message_id, "output_index": 0, "content_index": 0}
        return (
            self._part_event(name, **{field: value})
            + self._event("response.content_part.done", **place, part=_part(kind, value or ""))
            + self._event("response.output_item.done", output_index=0, item=self._message(self._status()))
        )

    def _call_events(self, call: ToolCall, index: int) -> bytes:
        item = _call_item(call, "completed")
        opened = item | {"arguments": "", "status": "in_progress"}
        place = {"item_id": item["id"], "output_index": index}
        return (
            self._event("response.output_item.added", output_index=index, item=opened)
            + self._event("response.function_call_arguments.delta", **place, delta=call.arguments)
            + self._event(
                "response.function_call_arguments.done", **place, name=call.name, arguments=call.arguments
            )
            + self._event("response.output_item.done", output_index=index, item=item)
        )

    def _message(self, status: str) -> dict[str, Any]:
        part = _part("refusal", self._refusal) if self._refusal else _part("output_text", "".join(self._text))
        return {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [part],
        }

    def _response(self, status: str, model: str | None = None) -> dict[str, Any]:
        is_done = status != "in_progress"
        chat = self._context.head.chat
        items: list[dict[str, Any]] = [_call_item(call, "completed") for call in self._calls]
        if is_done and (not items or "".join(self._text)):
            items.insert(0, self._message(status))
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._context.created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "model": model or self._context.model,
            "output": items if is_done else [],
            "parallel_tool_calls": chat.parallel_tool_calls,
            "store": False,
            **{name: chat.echo.get(name, default) for name, default in _ECHO_DEFAULTS.items()},
            "usage": _usage(self._usage) if is_done else None,
        }


def _part(kind: str, text: str | None) -> dict[str, Any]:
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call_item(call: ToolCall, status: str) -> dict[str, Any]:
    return {
        "id": f"fc_{call.id}",
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "status": status,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
