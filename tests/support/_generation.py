"""One generation of the stub engine: the events or the body that a script stands for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support import _wire
from tests.support._script import Reply


@dataclass(frozen=True, slots=True)
class Step:
    """Bytes to send; `tokens_before` counts the tokens that went before."""

    data: bytes
    tokens_before: int
    is_token: bool = False


class Generation:
    """Writes one reply to one request in the format of its endpoint."""

    def __init__(self, body: dict[str, Any], reply: Reply, prompt_tokens: int, *, is_chat: bool) -> None:
        self._body = body
        self._reply = reply
        self._is_chat = is_chat
        self._prompt_tokens = reply.prompt_tokens if reply.prompt_tokens is not None else prompt_tokens
        prefix = "chatcmpl" if is_chat else "cmpl"
        self._id = f"{prefix}-{uuid.uuid4().hex[:16]}"
        self._created = int(time.time())
        limit = body.get("max_tokens") or body.get("max_completion_tokens")
        tokens = reply.split()
        self._is_cut = limit is not None and len(tokens) > limit
        self._tokens = tokens[:limit] if self._is_cut else tokens
        self._choices = int(body.get("n") or 1)

    @property
    def finish_reason(self) -> str:
        """Why it ends: `length` at the token limit, unless the script says otherwise."""
        if self._reply.finish_reason is not None:
            return self._reply.finish_reason
        if self._reply.tool_calls:
            return "tool_calls"
        return "length" if self._is_cut else "stop"

    def whole(self) -> bytes:
        """The body of a reply that is not streamed."""
        text = "".join(self._tokens)
        logprobs = self._logprobs(self._tokens)
        if self._is_chat:
            extra = {
                "reasoning": self._reply.reasoning or None,
                "tool_calls": _wire.tool_calls(self._reply.tool_calls),
                "logprobs": logprobs,
            }
            content = None if self._reply.tool_calls and not text else text
            choices = [
                _wire.chat_choice(index, content, self.finish_reason, extra) for index in range(self._choices)
            ]
        else:
            choices = [
                _wire.text_choice(index, text, self.finish_reason, logprobs) for index in range(self._choices)
            ]
        value = {
            **self._head(is_stream=False),
            "choices": choices,
            "service_tier": None,
            "system_fingerprint": _wire.FINGERPRINT,
            "usage": _wire.full_usage(self._prompt_tokens, len(self._tokens) * self._choices),
        }
        rest = ("prompt_logprobs", "prompt_token_ids", "prompt_text") if self._is_chat else ()
        rest += ("kv_transfer_params", "ec_transfer_params", "metrics")
        return _wire.dumps(value | dict.fromkeys(rest))

    def steps(self) -> Iterator[Step]:
        """The events of a stream, in vLLM's order, without `[DONE]`; the role comes with the first token."""
        if self._is_chat:
            for index in range(self._choices):
                delta = {"role": "assistant", "content": ""}
                yield Step(self._chunk(index, delta, None), 0)
        yield from self._reasoning()
        for index in range(self._choices):
            yield from self._choice(index)
        if (self._body.get("stream_options") or {}).get("include_usage"):
            completion_tokens = len(self._tokens) * self._choices
            value = {
                **self._head(is_stream=True),
                "choices": [],
                "usage": _wire.usage(self._prompt_tokens, completion_tokens),
                "system_fingerprint": _wire.FINGERPRINT,
            }
            yield Step(_wire.event(value), completion_tokens)

    def _reasoning(self) -> Iterator[Step]:
        if self._reply.reasoning and self._is_chat:
            yield Step(self._chunk(0, {"reasoning": self._reply.reasoning}, None), 0)

    def _choice(self, index: int) -> Iterator[Step]:
        sent = index * len(self._tokens)
        ends_on_token = self.finish_reason == "length" and self._tokens
        for position, token in enumerate(self._tokens):
            is_last = bool(ends_on_token) and position == len(self._tokens) - 1
            finish = self.finish_reason if is_last else None
            yield Step(self._token(index, token, finish), sent + position, is_token=True)
        if self._reply.tool_calls:
            for call in _wire.tool_calls(self._reply.tool_calls, is_stream=True):
                yield Step(self._chunk(index, {"tool_calls": [call]}, None), sent + len(self._tokens))
        if not ends_on_token:
            last = self._token(index, "", self.finish_reason)
            yield Step(last, sent + len(self._tokens))

    def _token(self, index: int, token: str, finish: str | None) -> bytes:
        logprobs = self._logprobs((token,)) if token else None
        if self._is_chat:
            return self._chunk(index, {"content": token}, finish, logprobs)
        choice: dict[str, Any] = {"index": index, "text": token, "logprobs": logprobs}
        choice |= {"finish_reason": finish, "stop_reason": None, "prompt_token_ids": None, "token_ids": None}
        return _wire.event({**self._head(is_stream=True), "choices": [choice]})

    def _chunk(
        self, index: int, delta: dict[str, Any], finish: str | None, logprobs: dict[str, Any] | None = None
    ) -> bytes:
        choice: dict[str, Any] = {"index": index, "delta": delta, "logprobs": logprobs}
        choice["finish_reason"] = finish
        value = {**self._head(is_stream=True), "choices": [choice]}
        if "role" in delta:
            return _wire.event({**value, "prompt_token_ids": None, "prompt_text": None})
        if finish is not None:
            choice["stop_reason"] = None
        choice["token_ids"] = None
        return _wire.event(value)

    def _head(self, *, is_stream: bool) -> dict[str, Any]:
        chat = "chat.completion.chunk" if is_stream else "chat.completion"
        return {
            "id": self._id,
            "object": chat if self._is_chat else "text_completion",
            "created": self._created,
            "model": self._body["model"],
        }

    def _logprobs(self, tokens: tuple[str, ...]) -> dict[str, Any] | None:
        if not self._body.get("logprobs"):
            return None
        return _wire.chat_logprobs(tokens) if self._is_chat else _wire.text_logprobs(tokens)
