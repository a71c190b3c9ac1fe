"""What happens to each field of a request: read, forwarded, accepted without effect, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import UnknownFieldError, UnsupportedFieldError
from gateway.records import PORTABLE_SAMPLING

VLLM_SAMPLING = frozenset(
    {
        "bad_words",
        "chat_template_kwargs",
        "ignore_eos",
        "include_stop_str_in_output",
        "length_penalty",
        "min_p",
        "min_tokens",
        "repetition_penalty",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stop_token_ids",
        "top_k",
    }
)
"""Forwarded to vLLM pools; an upstream that does not know them is not sent them."""

WITHOUT_EFFECT = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "verbosity",
    }
)
"""Accepted, named in the reply's `firstline.ignored`, and nothing else."""

_STRUCTURED = "use response_format or structured_outputs"
REFUSED: Mapping[str, str] = {
    "audio": "this gateway answers with text",
    "best_of": "use n",
    "chat_template": "templates are the engine's",
    "function_call": "use tool_choice",
    "functions": "use tools",
    "guided_choice": 'use structured_outputs: {"choice": [...]}',
    "guided_decoding_backend": "the gateway sets the grammar backend",
    "guided_grammar": 'use structured_outputs: {"grammar": "..."}',
    "guided_json": 'use response_format: {"type": "json_schema", ...} or structured_outputs: {"json": ...}',
    "guided_json_object": 'use response_format: {"type": "json_object"}',
    "guided_regex": 'use structured_outputs: {"regex": "..."}',
    "guided_whitespace_pattern": _STRUCTURED,
    "lora_request": "name the adapter version as the model: task@version",
    "modalities": "this gateway answers with text",
    "prediction": "predicted outputs are not supported by the engines",
    "priority": "priorities are the operator's",
    "suffix": "put the whole text into prompt",
    "use_beam_search": "beam search is not supported by the engines",
    "web_search_options": "use a task with retrieval",
}
"""Known fields that would be ignored or do harm, each with what to use in its place."""

SAMPLING = PORTABLE_SAMPLING | VLLM_SAMPLING


def check_fields(body: Mapping[str, Any], read: frozenset[str]) -> None:
    """Refuse what nobody would act on.

    Raises:
        UnsupportedFieldError: a known field that is refused.
        UnknownFieldError: a field that is in no list.
    """
    for name in body:
        if name in read or name in SAMPLING or name in WITHOUT_EFFECT:
            continue
        if name in REFUSED:
            raise UnsupportedFieldError(f"{name!r} is not supported: {REFUSED[name]}", param=name)
        raise UnknownFieldError(
            f"Unknown field {name[:100]!r}; it would have no effect, so the request is refused",
            param=name[:100],
        )


def sampling_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Take the fields that travel to the engine under their own names; null means not given."""
    return {name: body[name] for name in body if name in SAMPLING and body[name] is not None}


def ignored_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the fields that had no effect."""
    return tuple(sorted(name for name in body if name in WITHOUT_EFFECT and body[name] is not None))
