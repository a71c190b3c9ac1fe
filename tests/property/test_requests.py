"""Whatever a client sends, what comes out is a chat or one typed refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.errors import error_headers, error_object
from gateway.errors import GatewayError, InvalidRequestError
from gateway.parsing.decode import decode_object
from gateway.parsing.fields import REFUSED, SAMPLING, WITHOUT_EFFECT
from gateway.parsing.parser import parse_chat, parse_completion
from gateway.parsing.responses import parse_responses
from gateway.parsing.wire import ChatBody, CompletionBody, ResponsesBody
from gateway.records import Chat
from tests.property.strategies import JSON

Parse = Callable[[dict[str, Any]], Chat]
FIELDS = st.sampled_from(
    sorted(
        SAMPLING
        | WITHOUT_EFFECT
        | REFUSED.keys()
        | ChatBody.model_fields.keys()
        | CompletionBody.model_fields.keys()
        | ResponsesBody.model_fields.keys()
    )
)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool", "robot"])
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "input_text", "output_text", "image_url", "refusal", "x"])},
    optional={"text": JSON},
)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message", "function_call", "function_call_output", "reasoning"]) | JSON,
        "role": ROLES,
        "content": st.text(max_size=5) | st.lists(PARTS, max_size=3) | JSON,
        "output": JSON,
        "name": JSON,
        "arguments": JSON,
        "call_id": JSON,
        "tool_calls": JSON,
    },
)
SHAPES: dict[str, st.SearchStrategy[Any]] = {
    "messages": st.lists(ITEMS, max_size=4),
    "input": st.text(max_size=5) | st.lists(ITEMS, max_size=4),
    "prompt": st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=2),
    "response_format": st.fixed_dictionaries(
        {"type": st.sampled_from(["text", "json_object", "json_schema", "x"])}, optional={"json_schema": JSON}
    ),
    "structured_outputs": st.dictionaries(
        st.sampled_from(["json", "json_object", "choice", "regex", "grammar", "x"]), JSON, max_size=2
    ),
    "tools": st.lists(st.fixed_dictionaries({"type": st.just("function"), "function": JSON}), max_size=2),
}
BODIES = st.builds(
    lambda model, shaped, free: {"model": model, **free, **shaped},
    st.sampled_from(["auto", "m", "", 5, None]),
    st.fixed_dictionaries({}, optional=SHAPES),
    st.dictionaries(FIELDS, JSON, max_size=2),
)
each_endpoint = pytest.mark.parametrize("parse", [parse_chat, parse_completion, parse_responses])


def only_refuses(work: Callable[[], object]) -> None:
    """Run it; it may only fail with one error object that JSON can hold."""
    error = refusal_of(work)
    if error is None:
        return
    assert isinstance(error, InvalidRequestError)
    written = orjson.loads(orjson.dumps(error_object(error)))["error"]
    assert written.keys() == {"message", "type", "param", "code"}
    assert written["message"]
    assert written["param"] is None or isinstance(written["param"], str)
    assert error_headers(error)["x-should-retry"] == "false"


def refusal_of(work: Callable[[], object]) -> GatewayError | None:
    try:
        work()
    except GatewayError as error:
        return error
    return None


@given(st.binary(max_size=200))
def test_bytes_are_decoded_or_refused(body: bytes) -> None:
    only_refuses(lambda: decode_object(body, 64))


@given(JSON, st.integers(1, 8))
def test_json_is_decoded_or_refused(value: Any, max_nesting: int) -> None:
    only_refuses(lambda: decode_object(orjson.dumps(value), max_nesting))


@each_endpoint
@given(body=st.dictionaries(FIELDS | st.text(max_size=5), JSON, max_size=5))
def test_any_object_is_a_request_or_refused(parse: Parse, body: dict[str, Any]) -> None:
    only_refuses(lambda: parse(body))


@each_endpoint
@given(body=BODIES)
def test_an_object_that_is_nearly_a_request_is_one_or_refused(parse: Parse, body: dict[str, Any]) -> None:
    only_refuses(lambda: parse(body))


@each_endpoint
@given(body=BODIES)
def test_no_field_is_dropped_in_silence(parse: Parse, body: dict[str, Any]) -> None:
    try:
        chat = parse(body)
    except GatewayError:
        return
    known = {
        parse_chat: ChatBody.model_fields,
        parse_completion: CompletionBody.model_fields,
        parse_responses: ResponsesBody.model_fields,
    }[parse]
    given_fields = {name for name, value in body.items() if value is not None}
    assert given_fields <= known.keys() | chat.sampling.keys() | set(chat.ignored)
