"""The outermost layer: a request id for every response, and the last resort for every failure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.errors import error_response, internal_error
from gateway.telemetry.faults import fault_fields

_log = structlog.get_logger(__name__)
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Edge:
    """Plain ASGI around the application. A client's own `x-request-id` is kept where it is safe to log.

    A POST to one of the `direct` paths goes there without passing the framework's layers, which do nothing
    for an endpoint that reads and writes for itself.
    """

    def __init__(self, app: ASGIApp, direct: Mapping[str, ASGIApp] | None = None) -> None:
        self._app = app
        self._direct = direct or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other scopes pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        has_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        app = self._direct.get(scope["path"], self._app) if scope["method"] == "POST" else self._app
        try:
            await app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001  # the last resort
            _log.error("request_failed", request_id=request_id, **fault_fields(error))
            if not has_started:
                await error_response(internal_error())(scope, receive, send_with_id)


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
