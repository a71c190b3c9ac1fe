"""Every failure maps to one error object, with headers that a client can read."""

from __future__ import annotations

import inspect
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.api.errors import error_response
from gateway.engines.client import refusal
from gateway.errors import GatewayError, ModelNotFoundError, ModelRetiredError

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, GatewayError) and not issubclass(found, ModelNotFoundError)
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
FAILURES = st.one_of(
    st.builds(
        lambda found, message, param, seconds: found(message, param=param, retry_after_seconds=seconds),
        st.sampled_from(CLASSES),
        TEXT,
        st.none() | TEXT,
        st.none() | st.floats(0, 1e6),
    ),
    st.builds(ModelNotFoundError, TEXT, st.lists(TEXT, max_size=3)),
    st.builds(ModelRetiredError, TEXT, TEXT),
    st.builds(
        refusal,
        st.integers(300, 599),
        st.binary(max_size=50) | st.builds(lambda m: orjson.dumps({"error": {"message": m}}), TEXT),
        st.none() | st.text(max_size=8),
    ),
)


@given(FAILURES)
def test_every_failure_is_one_error_object(error: GatewayError) -> None:
    response = error_response(error)
    body: dict[str, Any] = orjson.loads(bytes(response.body))
    assert body == {
        "error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    }
    assert 400 <= response.status_code <= 599
    assert response.headers["x-should-retry"] == str(error.retryable).lower()
    assert int(response.headers.get("retry-after", "1")) >= 1
    assert error.retryable or "retry-after" not in response.headers
