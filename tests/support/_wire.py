"""vLLM 0.32's wire format, byte for byte where a client can tell."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support._script import ScriptedCall

FINGERPRINT = "vllm-0.32.0-be16b882"


def dumps(value: object) -> bytes:
    """Compact JSON, as vLLM writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + dumps(value) + b"\n\n"


DONE = b"data: [DONE]\n\n"


def error_body(status: int, message: str, kind: str, param: str | None = None) -> bytes:
    """The body of a refusal."""
    return dumps({"error": {"message": message, "type": kind, "param": param, "code": status}})


def error_event(message: str, status: int = 500, kind: str = "InternalServerError") -> bytes:
    """An error inside a stream; vLLM writes this one with `json.dumps` defaults."""
    value = {"error": {"message": message, "type": kind, "param": None, "code": status}}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def model_entry(name: str, root: str, parent: str | None, max_model_len: int | None) -> dict[str, Any]:
    """An entry of `/v1/models`."""
    permission = {
        "id": f"modelperm-{uuid.uuid4().hex[:16]}",
        "object": "model_permission",
        "created": int(time.time()),
        "allow_create_engine": False,
        "allow_sampling": True,
        "allow_logprobs": True,
        "allow_search_indices": False,
        "allow_view": True,
        "allow_fine_tuning": False,
        "organization": "*",
        "group": None,
        "is_blocking": False,
    }
    return {
        "id": name,
        "object": "model",
        "created": int(time.time()),
        "owned_by": "vllm",
        "root": root,
        "parent": parent,
        "max_model_len": max_model_len,
        "permission": [permission],
    }


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """The usage object of a stream."""
    return {
        "prompt_tokens": prompt_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "completion_tokens": completion_tokens,
    }


def full_usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """The usage object of a whole reply."""
    return {
        **usage(prompt_tokens, completion_tokens),
        "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }


def chat_logprobs(tokens: Sequence[str]) -> dict[str, Any]:
    """Log probabilities of a chat; each token has -0.5."""
    entries = [{"token": token, "logprob": -0.5, "bytes": list(token.encode())} for token in tokens]
    return {"content": [{**entry, "top_logprobs": [entry]} for entry in entries]}


def text_logprobs(tokens: Sequence[str], offset: int = 0) -> dict[str, Any]:
    """Log probabilities of a completion; each token has -0.5."""
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token)
    return {
        "text_offset": offsets,
        "token_logprobs": [-0.5] * len(tokens),
        "tokens": list(tokens),
        "top_logprobs": [{token: -0.5} for token in tokens],
    }


def tool_calls(calls: Sequence[ScriptedCall], *, is_stream: bool = False) -> list[dict[str, Any]]:
    """Native calls as an upstream provider writes them."""
    written: list[dict[str, Any]] = []
    for index, call in enumerate(calls):
        function = {"name": call.name, "arguments": call.arguments}
        entry: dict[str, Any] = {"id": call.id, "type": "function", "function": function}
        written.append({"index": index, **entry} if is_stream else entry)
    return written


def chat_choice(index: int, text: str | None, finish: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """A choice of a whole chat reply; `extra` holds `reasoning`, `tool_calls` and `logprobs`."""
    message = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "reasoning": extra.get("reasoning"),
    }
    if extra.get("tool_calls"):
        message["tool_calls"] = extra["tool_calls"]
    return {
        "index": index,
        "message": message,
        "logprobs": extra.get("logprobs"),
        "finish_reason": finish,
        "stop_reason": None,
        "token_ids": None,
        "routed_experts": None,
    }


def text_choice(index: int, text: str, finish: str, logprobs: object) -> dict[str, Any]:
    """A choice of a whole completion."""
    return {
        "index": index,
        "text": text,
        "logprobs": logprobs,
        "finish_reason": finish,
        "stop_reason": None,
        "token_ids": None,
        "prompt_logprobs": None,
        "prompt_token_ids": None,
        "routed_experts": None,
    }
