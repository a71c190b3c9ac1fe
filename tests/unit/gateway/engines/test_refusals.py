"""An engine's error responses as ours."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.engines.client import UnknownModelError, error_event, refusal
from gateway.errors import (
    ContextLengthError,
    EngineError,
    GatewayError,
    InvalidRequestError,
    OverloadedError,
    SchemaUnsupportedError,
)


def body(message: str, **fields: Any) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": "BadRequestError", **fields}})


@pytest.mark.parametrize(
    ("status", "message", "kind", "param"),
    [
        (400, "This model's maximum context length is 4096 tokens.", ContextLengthError, "messages"),
        (413, "Prompt is over max_model_len", ContextLengthError, "messages"),
        (400, "Grammar error: unknown keyword", SchemaUnsupportedError, "response_format"),
        (400, "Failed to convert JSON Schema", SchemaUnsupportedError, "response_format"),
        (422, "temperature must be non-negative", InvalidRequestError, None),
        (404, "The model `x` does not exist.", UnknownModelError, None),
        (429, "slow down", OverloadedError, None),
        (503, "draining", OverloadedError, None),
        (500, "boom", EngineError, None),
        (502, "bad gateway", EngineError, None),
        (401, "Incorrect API key", EngineError, None),
        (403, "forbidden", EngineError, None),
        (302, "moved", EngineError, None),
    ],
)
def test_each_status_has_one_meaning(
    status: int, message: str, kind: type[GatewayError], param: str | None
) -> None:
    error = refusal(status, body(message))
    assert type(error) is kind
    assert error.param == param


def test_the_field_that_the_engine_names_is_the_clients() -> None:
    assert refusal(400, body("no", param="body.temperature")).param == "temperature"
    assert refusal(400, body("maximum context length", param="input_tokens")).param == "messages"
    assert refusal(400, body("no", param=["x"])).param is None


def test_a_refusals_text_reaches_the_client_and_a_failures_does_not() -> None:
    assert refusal(400, body("top_k must be at least -1")).message == "top_k must be at least -1"
    assert "secret" not in refusal(500, body("secret host 10.0.0.1")).message
    assert "secret" not in refusal(401, body("secret key sk-123")).message


def test_a_refusals_text_is_bounded() -> None:
    assert len(refusal(400, body("x" * 10_000)).message) == 2000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"error":"text"}',
        b'{"error":{}}',
        b'{"error":null}',
        b'{"detail":1}',
        b"\xff",
    ],
)
def test_a_refusal_that_says_nothing_we_know_is_still_one(raw: bytes) -> None:
    error = refusal(400, raw)
    assert type(error) is InvalidRequestError
    assert error.message == "the engine refused the request"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("9" * 400, None),
    ],
)
def test_an_engines_pause_is_passed_on(header: str | None, seconds: float | None) -> None:
    error = refusal(503, b"", header)
    assert (error.retryable, error.retry_after_seconds) == (True, seconds)


def test_an_error_event_is_told_from_a_chunk() -> None:
    found = error_event(b'{"error":{"message":"' + b"x" * 500 + b'"}}')
    assert isinstance(found, EngineError)
    assert found.message == "the engine failed while it generated: " + "x" * 200
    assert error_event(b'{"choices":[{"delta":{"content":"{\\"error\\": 1}"}}]}') is None
    assert error_event(b"") is None


def test_a_refusal_inside_a_stream_keeps_its_status() -> None:
    event = b'{"error":{"message":"Grammar error: no","type":"BadRequestError","param":null,"code":400}}'
    assert isinstance(error_event(event), SchemaUnsupportedError)
    broken = error_event(b'{"error":{"message":"boom","type":"InternalServerError","code":500}}')
    assert (type(broken), broken and broken.status) == (EngineError, 502)
