"""The outermost layer: a request id on every response, and the last resort."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from gateway.api.edge import Edge
from gateway.api.errors import install_error_handlers


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1")]})
    await send({"type": "http.response.body", "body": scope["state"]["request_id"].encode()})


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("secret detail")


async def broken_late(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200})
    raise RuntimeError("secret detail")


async def broken_route() -> None:
    raise RuntimeError("secret detail")


async def call(app: ASGIApp, *headers: tuple[bytes, bytes], **scope: Any) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    given = {"type": "http", "method": "POST", "path": "/v1/x", "headers": list(headers), **scope}
    await Edge(app)(given, receive, send)
    return sent


def ids(message: Message) -> list[bytes]:
    return [value for name, value in message["headers"] if name == b"x-request-id"]


@pytest.mark.parametrize("given", [b"req-1", b"A.b_c-9", b"x" * 64])
async def test_a_clients_id_is_kept_where_it_is_safe(given: bytes) -> None:
    start, body = await call(ok, (b"x-request-id", given))
    assert (ids(start), body["body"]) == ([given], given)
    assert (b"x-app", b"1") in start["headers"]


@pytest.mark.parametrize(
    "given", [b"", b"x" * 65, b"a b", b"a\nb", b"a\r\nset-cookie: x", b"\xff", "ä".encode(), b"${jndi}"]
)
async def test_an_id_that_is_not_safe_is_replaced(given: bytes) -> None:
    start, body = await call(ok, (b"x-request-id", given))
    (found,) = ids(start)
    assert re.fullmatch(rb"[0-9a-f]{32}", found)
    assert body["body"] == found


async def test_every_request_without_an_id_gets_its_own() -> None:
    first, second = (await call(ok))[0], (await call(ok))[0]
    assert ids(first) != ids(second)


async def test_a_defect_is_a_plain_500_with_the_id() -> None:
    with capture_logs() as lines:
        start, body = await call(broken, (b"x-request-id", b"req-1"))
    assert (start["status"], ids(start)) == (500, [b"req-1"])
    assert orjson.loads(body["body"])["error"]["code"] == "internal_error"
    assert b"secret" not in body["body"]
    (line,) = lines
    assert (line["event"], line["request_id"], line["log_level"]) == ("request_failed", "req-1", "error")


async def test_a_defect_in_a_route_is_an_error_object_and_is_logged_once() -> None:
    app = FastAPI()
    install_error_handlers(app)
    app.add_api_route("/v1/x", broken_route, methods=["POST"])
    with capture_logs() as lines:
        start, body = await call(app, (b"x-request-id", b"req-1"), query_string=b"", root_path="")
    assert (start["status"], ids(start)) == (500, [b"req-1"])
    assert orjson.loads(body["body"])["error"]["code"] == "internal_error"
    assert [line["event"] for line in lines] == ["request_failed"]


async def test_a_response_that_has_started_is_not_started_again() -> None:
    with capture_logs() as lines:
        sent = await call(broken_late)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert len(lines) == 1


async def test_other_scopes_pass_through_untouched() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    await call(app, type="lifespan")
    assert [scope["type"] for scope in seen] == ["lifespan"]
    assert "state" not in seen[0]
