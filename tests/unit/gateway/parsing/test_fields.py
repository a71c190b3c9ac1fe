"""Every field of a request is read, forwarded, named as ignored, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway.errors import GatewayError, UnknownFieldError, UnsupportedFieldError
from gateway.parsing.fields import REFUSED, SAMPLING, VLLM_SAMPLING, WITHOUT_EFFECT
from gateway.parsing.parser import parse_chat, parse_completion
from gateway.parsing.responses import parse_responses
from gateway.parsing.wire import ChatBody, CompletionBody
from gateway.records import PORTABLE_SAMPLING, Chat

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
COMPLETION: dict[str, Any] = {"model": "m", "prompt": "hi"}
RESPONSES: dict[str, Any] = {"model": "m", "input": "hi"}
Parse = Callable[[dict[str, Any]], Chat]

each_endpoint = pytest.mark.parametrize(
    ("parse", "least"),
    [(parse_chat, CHAT), (parse_completion, COMPLETION), (parse_responses, RESPONSES)],
    ids=["chat", "completions", "responses"],
)


@each_endpoint
def test_the_least_request_is_accepted(parse: Parse, least: dict[str, Any]) -> None:
    chat = parse(least)
    assert (chat.model, chat.text, chat.ignored, dict(chat.sampling)) == ("m", "hi", (), {})


@each_endpoint
@pytest.mark.parametrize("name", ["gibberish", "Temperature", "maxTokens", "guided_json2", "", "ä" * 500])
def test_an_unknown_field_is_refused_by_name(parse: Parse, least: dict[str, Any], name: str) -> None:
    with pytest.raises(UnknownFieldError) as caught:
        parse({**least, name: 1})
    assert caught.value.param == name[:100]
    assert repr(name[:100]) in caught.value.message
    assert (caught.value.status, caught.value.code) == (400, "unknown_parameter")


@pytest.mark.parametrize("name", sorted(REFUSED))
@pytest.mark.parametrize(("parse", "least"), [(parse_chat, CHAT), (parse_completion, COMPLETION)])
def test_a_refused_field_names_its_replacement(parse: Parse, least: dict[str, Any], name: str) -> None:
    with pytest.raises(UnsupportedFieldError) as caught:
        parse({**least, name: None})
    assert caught.value.param == name
    assert caught.value.message == f"{name!r} is not supported: {REFUSED[name]}"


@pytest.mark.parametrize(
    "name", ["background", "conversation", "max_tool_calls", "previous_response_id", "prompt"]
)
def test_what_a_stored_response_would_need_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedFieldError) as caught:
        parse_responses({**RESPONSES, name: "x"})
    assert caught.value.param == name


def test_a_stored_response_is_refused_and_an_unstored_one_served() -> None:
    with pytest.raises(UnsupportedFieldError) as caught:
        parse_responses({**RESPONSES, "store": True})
    assert caught.value.param == "store"
    assert parse_responses({**RESPONSES, "store": False}).ignored == ()


@pytest.mark.parametrize(("parse", "least"), [(parse_chat, CHAT), (parse_completion, COMPLETION)])
def test_fields_without_effect_are_named_in_order(parse: Parse, least: dict[str, Any]) -> None:
    given = dict.fromkeys(sorted(WITHOUT_EFFECT, reverse=True), "x")
    chat = parse({**least, **given})
    assert chat.ignored == tuple(sorted(WITHOUT_EFFECT))
    assert not chat.sampling


def test_responses_name_their_own_fields_without_effect() -> None:
    chat = parse_responses({**RESPONSES, "truncation": "auto", "reasoning": {}, "include": None})
    assert chat.ignored == ("reasoning", "truncation")


@pytest.mark.parametrize(("parse", "least"), [(parse_chat, CHAT), (parse_completion, COMPLETION)])
def test_sampling_travels_as_it_came(parse: Parse, least: dict[str, Any]) -> None:
    given = {"temperature": 0.25, "top_k": 5, "stop": ["\n"], "logit_bias": {"5": -1}, "seed": None}
    assert parse({**least, **given}).sampling == {k: v for k, v in given.items() if v is not None}


def test_responses_forward_only_what_their_api_has() -> None:
    chat = parse_responses({**RESPONSES, "temperature": 1, "top_p": 0.5, "user": "u"})
    assert chat.sampling == {"temperature": 1, "top_p": 0.5, "user": "u"}
    with pytest.raises(UnknownFieldError):
        parse_responses({**RESPONSES, "top_k": 5})


def test_no_field_has_two_fates() -> None:
    fates: list[frozenset[str]] = [SAMPLING, WITHOUT_EFFECT, frozenset(REFUSED)]
    assert sum(map(len, fates)) == len(frozenset().union(*fates))
    assert not PORTABLE_SAMPLING & VLLM_SAMPLING
    for body in (ChatBody, CompletionBody):
        assert not frozenset(body.model_fields) & (WITHOUT_EFFECT | REFUSED.keys())


TYPES: Mapping[str, list[Any]] = {
    "model": ["", None, 5, "m" * 257],
    "temperature": ["1", True, -0.1, 2.1, [1]],
    "top_p": [0, 1.1, "x"],
    "frequency_penalty": [-2.1, 2.1],
    "presence_penalty": [-2.1, 2.1],
    "stream": ["true", 1],
    "stream_options": [True, {"include_usage": 1}],
    "n": [0, -1, 17, 1.5, True],
    "max_tokens": [0, -1, 1_000_001, 10**30, 1.5, "5"],
    "seed": [1.5, "1", 10**30 * 1.0],
    "stop": [5, [5], {"a": 1}],
    "user": [5],
    "firstline": [5, {"strema": "verified"}, {"stream": "x"}, {"variables": {"a": 1}}, {"variables": []}],
    "structured_outputs": [5, {}, {"unknown": 1}, {"regex": 5}, {"choice": "a"}, {"json": 5}],
    "response_format": [5, {}, {"type": "yaml"}],
}
CASES = [(name, value) for name, values in TYPES.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda case: str(case)[:30])
@pytest.mark.parametrize(("parse", "least"), [(parse_chat, CHAT), (parse_completion, COMPLETION)])
def test_a_wrong_value_is_refused_with_its_path(
    parse: Parse, least: dict[str, Any], name: str, value: Any
) -> None:
    with pytest.raises(GatewayError) as caught:
        parse({**least, name: value})
    assert (caught.value.status, caught.value.code) == (400, "invalid_request")
    assert str(caught.value.param).split(".")[0] == name
    assert caught.value.message.startswith(name)
