"""What vLLM, or an upstream provider, refuses before it generates; the words are theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support._script import split_tokens

CHAT_TEMPLATE_TOKENS = 30
"""What the chat template adds in the stub's way of counting."""

_OPENAI_FIELDS = frozenset(
    {
        "audio",
        "best_of",
        "echo",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "suffix",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error response."""

    status: int
    message: str
    kind: str = "BadRequestError"
    param: str | None = None


def count_prompt_tokens(body: dict[str, Any]) -> int:
    """Words and marks of the prompt, and the template's share."""
    if "messages" not in body:
        return len(split_tokens(str(body.get("prompt", ""))))
    contents = [message.get("content") or "" for message in body["messages"]]
    texts = [part if isinstance(part, str) else "".join(p.get("text", "") for p in part) for part in contents]
    return CHAT_TEMPLATE_TOKENS + sum(len(split_tokens(text)) for text in texts)


def refusal_of(body: dict[str, Any], served: list[str], max_model_len: int, kind: str) -> Refusal | None:
    """Say what is wrong with a generation request, or None."""
    if body.get("model") not in served:
        aliases = ", ".join(served)
        message = f"The model `{body.get('model')}` does not exist. Valid aliases: {aliases}."
        return Refusal(404, message, "NotFoundError", "model")
    unknown = sorted(set(body) - _OPENAI_FIELDS) if kind == "openai" else []
    if unknown:
        message = f"Unrecognized request argument supplied: {', '.join(unknown)}"
        return Refusal(400, message, "invalid_request_error")
    return _shape(body) or _length(body, max_model_len) or _tools(body, kind)


def _shape(body: dict[str, Any]) -> Refusal | None:
    if "messages" in body and not isinstance(body["messages"], list):
        message = (
            "1 validation error:\n  {'type': 'list_type', 'loc': 'body.messages', "
            f"'msg': 'Input should be a valid list', 'input': {body['messages']!r}}}"
        )
        return Refusal(400, message, "Bad Request", "body.messages")
    if body.get("messages") == []:
        message = "Cannot apply chat template to an empty conversation. Provide at least one message."
        return Refusal(400, message)
    if (body.get("n") or 1) > 1 and body.get("temperature") == 0:
        return Refusal(400, f"n must be 1 when using greedy sampling, got {body['n']}.")
    return None


def _length(body: dict[str, Any], max_model_len: int) -> Refusal | None:
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    if limit is not None and limit < 1:
        message = f"max_tokens must be at least 1, got {limit}. (parameter=max_tokens, value={limit})"
        return Refusal(400, message, param="max_tokens")
    if limit is not None and limit > max_model_len:
        message = (
            f"max_tokens={limit} cannot be greater than max_model_len={max_model_len}. "
            f"Please request fewer output tokens. (parameter=max_tokens, value={limit})"
        )
        return Refusal(400, message, param="max_tokens")
    if count_prompt_tokens(body) >= max_model_len:
        message = (
            f"This model's maximum context length is {max_model_len} tokens. However, your prompt contains "
            f"at least {max_model_len + 1} input tokens, which exceeds this limit even without any output "
            "tokens. Please reduce the length of the input prompt. "
            f"(parameter=input_tokens, value={max_model_len + 1})"
        )
        return Refusal(400, message, param="input_tokens")
    return None


def _tools(body: dict[str, Any], kind: str) -> Refusal | None:
    if kind == "vllm" and body.get("tools") and body.get("tool_choice") in ("required", "auto", None):
        choice = body.get("tool_choice") or "auto"
        message = f'tool_choice="{choice}" requires --tool-call-parser to be set'
        return Refusal(400, message)
    return None
