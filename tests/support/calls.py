"""Requests that many tests make, and what every error must look like."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.support.settings_files import MODEL

INVOICE_TEXT = (
    "Thank you for your business. Invoice A-1029 issued on Jan 14, 2026. Payment terms: Net 30. "
    "Total amount due USD 1,248.50. Vendor: Acme Supplies."
)
INVOICE = {"invoice_id": "A-1029", "date": "2026-01-14", "vendor": "Acme Supplies", "total_amount": 1248.50}
INVOICE_JSON = json.dumps(INVOICE, separators=(",", ":"))
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
YES_NO = {
    "type": "object",
    "properties": {"answer": {"enum": ["yes", "no"]}},
    "required": ["answer"],
    "additionalProperties": False,
}


def chat_body(text: str = "Say hi", *, model: str = MODEL, **more: Any) -> dict[str, Any]:
    """A chat request with one user turn."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def schema_format(schema: Any) -> dict[str, Any]:
    """`response_format` for a JSON Schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def assert_error(
    response: httpx.Response,
    status: int,
    code: str,
    *,
    param: str | None = None,
    should_retry: bool = False,
    says: str = "",
) -> str:
    """Assert the whole shape of an error response; give its message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    body = response.json()
    assert list(body) == ["error"]
    error = body["error"]
    assert set(error) - {"errors", "failure"} == {"message", "type", "param", "code"}
    assert error["code"] == code, error
    for fault in error.get("errors", ()):
        assert set(fault) == {"pointer", "kind", "keyword", "message"}
    assert error["param"] == param, error
    assert response.headers["x-request-id"]
    assert response.headers["x-should-retry"] == ("true" if should_retry else "false")
    message = error["message"]
    assert isinstance(message, str)
    assert says in message
    assert "Traceback" not in message
    return message
