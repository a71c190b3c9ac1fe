"""Bad input, byte by byte: each gets a typed refusal that says how to mend it, and costs no generation."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.support.calls import WEATHER_TOOL, assert_error, chat_body, schema_format
from tests.support.gateway_fixtures import StartGateway
from tests.support.settings_files import MODEL
from tests.support.stub_engine import StubEngine

CHAT = "/v1/chat/completions"
JSON = {"content-type": "application/json"}
SMALL_BODY_BYTES = 4096


@pytest.fixture(autouse=True)
def nothing_is_generated(engine: StubEngine) -> Iterator[None]:
    """A refused request must not reach the engine."""
    yield
    assert engine.generations == []


async def post(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await client.post(CHAT, content=body, headers=JSON)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"model": "auto",}',
        b"not json",
        b'{"model": NaN}',
        b'{"a": 1} {"b": 2}',
        b"\x00",
        b'{"model": "a\nb"}',
    ],
)
async def test_invalid_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert_error(await post(client, body), 400, "invalid_request", says="not valid JSON")


async def test_an_empty_body_is_refused(client: httpx.AsyncClient) -> None:
    assert_error(await post(client, b""), 400, "invalid_request", says="empty")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true"])
async def test_json_that_is_no_object_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert_error(await post(client, body), 400, "invalid_request", says="JSON object")


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "\xff\xfe"}',
        json.dumps(chat_body("naïve"), ensure_ascii=False).encode("latin-1"),
        json.dumps(chat_body("hi")).encode("utf-16"),
        b'{"model":"auto","messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
        b'{"model":"auto","messages":[{"role":"user","content":"\xc0\xaf"}]}',
    ],
)
async def test_bytes_that_are_not_utf8_are_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert_error(await post(client, body), 400, "invalid_request", says="not valid JSON")


async def test_a_lone_surrogate_is_refused(client: httpx.AsyncClient) -> None:
    body = b'{"model":"smollm2-135m","messages":[{"role":"user","content":"\\ud800"}]}'
    assert_error(await post(client, body), 400, "invalid_request")


WRONG_TYPES: list[tuple[dict[str, Any], str]] = [
    ({"messages": "x"}, "messages"),
    ({"messages": {"role": "user"}}, "messages"),
    ({"messages": [1]}, "messages.0"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
    ({"messages": [{"content": "x"}]}, "messages.0.role"),
    ({"model": 5}, "model"),
    ({"model": None}, "model"),
    ({"model": ""}, "model"),
    ({"stream": "yes"}, "stream"),
    ({"stream": 1}, "stream"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": 3}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"top_p": 0}, "top_p"),
    ({"n": 0}, "n"),
    ({"n": 1.5}, "n"),
    ({"n": 10_000}, "n"),
    ({"max_tokens": "12"}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_tokens": True}, "max_tokens"),
    ({"stop": 5}, "stop"),
    ({"seed": "x"}, "seed"),
    ({"tools": "none"}, "tools"),
    ({"tools": [{"type": "function"}]}, "tools.0.function"),
    ({"tool_choice": "sometimes"}, "tool_choice"),
    ({"response_format": "json"}, "response_format"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"structured_outputs": {"choice": "a"}}, "structured_outputs.choice"),
    ({"structured_outputs": {}}, "structured_outputs"),
    ({"structured_outputs": {"choice": ["a"], "regex": "a"}}, "structured_outputs"),
    ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
    ({"firstline": {"no_such": 1}}, "firstline.no_such"),
]


@pytest.mark.parametrize(("change", "param"), WRONG_TYPES, ids=lambda value: str(value)[:60])
async def test_a_wrong_type_or_range_is_named(
    client: httpx.AsyncClient, change: dict[str, Any], param: str
) -> None:
    response = await client.post(CHAT, json={**chat_body(), **change})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["param"] is not None
    assert error["param"].startswith(param), error


@pytest.mark.parametrize("missing", ["model", "messages"])
async def test_a_missing_field_is_named(client: httpx.AsyncClient, missing: str) -> None:
    body = chat_body()
    del body[missing]
    assert_error(await client.post(CHAT, json=body), 400, "invalid_request", param=missing)


async def test_empty_messages_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json={"model": MODEL, "messages": []})
    assert_error(response, 400, "invalid_request", param="messages")


@pytest.mark.parametrize("limit", [-1, 0, -(2**63), 2**31, 10**30])
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_a_negative_or_huge_token_limit_is_refused(
    client: httpx.AsyncClient, field: str, limit: int
) -> None:
    response = await client.post(CHAT, json=chat_body(**{field: limit}))
    if limit == 10**30:
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "invalid_request"
    else:
        assert_error(response, 400, "invalid_request", param=field)


async def test_an_unknown_model_is_refused_with_the_names_there_are(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body(model="gpt-9"))
    message = assert_error(response, 404, "model_not_found", param="model", says="'gpt-9'")
    for name in ("auto", "invoice-extract", MODEL):
        assert name in message


@pytest.mark.parametrize("model", ["invoice-extract@000000000000", "no-task@base", "invoice-extract@", "@"])
async def test_an_unknown_version_is_refused(client: httpx.AsyncClient, model: str) -> None:
    assert_error(await client.post(CHAT, json=chat_body(model=model)), 404, "model_not_found", param="model")


async def test_guided_json_is_refused_with_what_to_use_in_its_place(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body(guided_json={"type": "object"}))
    message = assert_error(response, 400, "unsupported_parameter", param="guided_json")
    assert "response_format" in message
    assert "structured_outputs" in message


@pytest.mark.parametrize("field", ["guided_choice", "guided_regex", "guided_grammar"])
async def test_other_guided_fields_are_refused_too(client: httpx.AsyncClient, field: str) -> None:
    response = await client.post(CHAT, json=chat_body(**{field: "x"}))
    assert_error(response, 400, "unsupported_parameter", param=field, says="structured_outputs")


async def test_an_unknown_field_is_refused_by_name(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body(temperatur=0.1))
    assert_error(response, 400, "unknown_parameter", param="temperatur", says="'temperatur'")


@pytest.mark.parametrize("depth", [65, 1000, 100_000])
@pytest.mark.parametrize("shape", ["list", "object"])
async def test_a_nesting_bomb_is_refused(client: httpx.AsyncClient, depth: int, shape: str) -> None:
    opened, closed = (b"[", b"]") if shape == "list" else (b'{"a":', b"}")
    inner = opened * depth + b"1" + closed * depth
    body = b'{"model":"auto","messages":[],"metadata":' + inner + b"}"
    assert_error(await post(client, body), 400, "invalid_request")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "no-such-type"},
        {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}},
        {"type": "object", "required": "a"},
        {"pattern": "("},
    ],
)
async def test_an_invalid_schema_is_refused(client: httpx.AsyncClient, schema: dict[str, Any]) -> None:
    response = await client.post(CHAT, json=chat_body(response_format=schema_format(schema)))
    assert_error(response, 400, "schema_unsupported", param="response_format")


@pytest.mark.parametrize(
    ("constraint", "param"),
    [({"regex": "("}, "structured_outputs"), ({"grammar": "start: ("}, "structured_outputs")],
)
async def test_an_invalid_pattern_or_grammar_is_refused(
    client: httpx.AsyncClient, constraint: dict[str, Any], param: str
) -> None:
    response = await client.post(CHAT, json=chat_body(structured_outputs=constraint))
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "schema_unsupported"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that would notice being asked for a schema."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.mark.parametrize("keyword", ["$ref", "$schema", "$dynamicRef"])
async def test_an_external_reference_is_refused_and_never_fetched(
    client: httpx.AsyncClient, listener: socket.socket, keyword: str
) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
    schema = {"type": "object", "properties": {"a": {keyword: url}}, keyword: url}
    response = await client.post(CHAT, json=chat_body(response_format=schema_format(schema)))
    assert_error(response, 400, "schema_unsupported", param="response_format")
    with pytest.raises(BlockingIOError):
        listener.accept()


async def test_a_file_reference_is_refused(client: httpx.AsyncClient) -> None:
    schema = {"$ref": "file:///etc/passwd"}
    response = await client.post(CHAT, json=chat_body(response_format=schema_format(schema)))
    message = assert_error(response, 400, "schema_unsupported", param="response_format")
    assert "root:" not in message


async def test_a_tool_with_an_invalid_schema_is_refused(client: httpx.AsyncClient) -> None:
    tool = json.loads(json.dumps(WEATHER_TOOL))
    tool["function"]["parameters"] = {"type": "no-such-type"}
    response = await client.post(CHAT, json=chat_body(tools=[tool]))
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "schema_unsupported"


@pytest.fixture
async def strict(start_gateway: StartGateway, engine: StubEngine) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway that takes small bodies only."""
    gateway = start_gateway(engine, changes={"server": {"max_body_bytes": SMALL_BODY_BYTES}})
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        yield http


async def test_a_body_over_the_limit_is_refused(strict: httpx.AsyncClient) -> None:
    response = await strict.post(CHAT, json=chat_body("x" * SMALL_BODY_BYTES))
    assert_error(response, 413, "request_too_large", says=str(SMALL_BODY_BYTES))


async def test_a_chunked_body_over_the_limit_is_refused(strict: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"model":"auto","messages":[{"role":"user","content":"'
        for _ in range(SMALL_BODY_BYTES // 512 + 4):
            yield b"x" * 512
        yield b'"}]}'

    response = await strict.post(CHAT, content=pieces(), headers=JSON)
    assert_error(response, 413, "request_too_large", says=str(SMALL_BODY_BYTES))


async def test_a_wrong_method_is_refused_in_our_words(client: httpx.AsyncClient) -> None:
    response = await client.get(CHAT)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


async def test_an_unknown_path_is_refused_in_our_words(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/no-such-thing", json={})
    assert response.status_code == 404
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"]
