"""What the headers of a reply say, and those of a failure."""

from __future__ import annotations

import orjson
import pytest

from gateway.api.errors import error_headers, error_object, error_response, internal_error
from gateway.api.wire import failure_headers, head_headers, summary_headers
from gateway.errors import (
    AuthenticationError,
    EngineError,
    EngineUnavailableError,
    InvalidRequestError,
    OverloadedError,
)
from tests.unit.gateway.api.replies import FIRST, SECOND, SUMMARY, context


def test_before_the_first_byte_the_decision_is_known() -> None:
    assert head_headers(context(degraded="no-escalation-pool")) == {
        "x-firstline-action": "answer",
        "x-firstline-model": "invoice@abc",
        "x-firstline-confidence": "0.8765",
        "x-firstline-degraded": "no-escalation-pool",
    }


def test_at_the_end_the_outcome_is_known() -> None:
    assert summary_headers(context(), SUMMARY.outcome) == {
        "x-firstline-action": "answer",
        "x-firstline-model": "large-model",
        "x-firstline-confidence": "0.8765",
        "x-firstline-outcome": "escalated",
        "x-firstline-attempts": "2",
        "x-firstline-cost-usd": "0.750000000",
    }


def test_a_failure_after_routing_says_what_it_took() -> None:
    assert failure_headers(context(attempts=(FIRST, SECOND))) == {
        "x-firstline-action": "answer",
        "x-firstline-model": "large-model",
        "x-firstline-confidence": "0.8765",
        "x-firstline-outcome": "failed",
        "x-firstline-attempts": "2",
        "x-firstline-cost-usd": "0.750000000",
    }


def test_a_failure_without_an_attempt_names_the_model_that_was_chosen() -> None:
    headers = failure_headers(context())
    assert (headers["x-firstline-model"], headers["x-firstline-attempts"]) == ("invoice@abc", "0")


def test_a_failure_is_openais_object() -> None:
    assert error_object(InvalidRequestError("too hot", param="temperature")) == {
        "error": {
            "message": "too hot",
            "type": "invalid_request_error",
            "param": "temperature",
            "code": "invalid_request",
        }
    }


@pytest.mark.parametrize(("seconds", "written"), [(5, "5"), (0, "1"), (0.2, "1"), (2.6, "3"), (None, None)])
def test_what_passes_says_when_to_come_back(seconds: float | None, written: str | None) -> None:
    headers = error_headers(OverloadedError("full", retry_after_seconds=seconds))
    assert headers == {"x-should-retry": "true"} | ({"retry-after": written} if written else {})


def test_a_final_failure_says_that_it_is_final() -> None:
    assert error_headers(EngineError("down", retry_after_seconds=5)) == {"x-should-retry": "false"}


def test_a_stranger_is_told_the_scheme() -> None:
    assert error_headers(AuthenticationError("no key"))["www-authenticate"] == "Bearer"


def test_a_whole_error_response() -> None:
    response = error_response(EngineUnavailableError("down", retry_after_seconds=5))
    assert (response.status_code, response.headers["content-type"]) == (503, "application/json")
    assert response.headers["retry-after"] == "5"
    assert orjson.loads(bytes(response.body))["error"]["code"] == "engine_unavailable"


def test_a_defect_says_nothing_of_itself() -> None:
    error = internal_error()
    assert (error.status, error.code, error.retryable) == (500, "internal_error", False)
    assert "request id" in error.message
