"""Sending one reply: from one task, starting at the first delta, watching for hang-up from the start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

import structlog
from starlette.types import Receive, Scope, Send

from gateway.api.body import BodyReader
from gateway.api.errors import error_response, internal_error
from gateway.api.wire import ReplyContext, Wire, failure_headers, head_headers, summary_headers
from gateway.api.wire_chat import ChatWire
from gateway.api.wire_responses import ResponsesWire
from gateway.errors import GatewayError
from gateway.pipeline.chat import ChatPipeline
from gateway.records import (
    ClientGoneError,
    Delta,
    Endpoint,
    InboundRequest,
    ReplyDelta,
    ReplyHead,
    ReplySummary,
)
from gateway.telemetry.faults import fault_fields

_log = structlog.get_logger(__name__)
SEND_SECONDS = 60.0
"""How long one piece of a reply may wait for a client that does not read; then the client counts as gone."""


class PipelineEndpoint:
    """The ASGI application behind one endpoint; it keeps no state between requests."""

    def __init__(
        self,
        pipeline: ChatPipeline,
        endpoint: Endpoint,
        body: Callable[[Receive], BodyReader],
        *,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self._pipeline = pipeline
        self._endpoint = endpoint
        self._body = body
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; a client that has gone ends the generation at once."""
        body = self._body(receive)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a reply is sent from a task")
        watcher = asyncio.create_task(body.wait_for_hang_up(task.cancel))
        try:
            await self._send(scope, body, _Sender(send, body, self._send_seconds))
        except ClientGoneError:
            pass
        except asyncio.CancelledError:
            if not body.has_hung_up:
                raise
            task.uncancel()
        finally:
            watcher.cancel()

    async def _send(self, scope: Scope, body: BodyReader, sender: _Sender) -> None:
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        request_id: str = scope["state"]["request_id"]
        request = InboundRequest(
            request_id, self._endpoint, headers, lambda: body.read(headers.get("content-length"))
        )
        try:
            await self._run(request, sender)
        except GatewayError as error:
            await sender.fail(error, scope)
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001  # the last resort of a reply that may have started
            _log.error("request_failed", request_id=request_id, **fault_fields(error))
            await sender.fail(internal_error(), scope)

    async def _run(self, request: InboundRequest, sender: _Sender) -> None:
        collected: list[Delta] = []
        context: ReplyContext | None = None
        async with aclosing(self._pipeline.run(request)) as items:
            async for item in items:
                match item:
                    case ReplyHead():
                        context = ReplyContext(request.request_id, int(time.time()), item)
                        sender.context, sender.wire = context, _wire(context)
                    case ReplyDelta(delta=delta) if context and context.head.chat.stream:
                        await sender.stream(delta, context)
                    case ReplyDelta(delta=delta):
                        collected.append(delta)
                    case ReplySummary() if context:
                        await sender.close(collected, item, context)


def _wire(context: ReplyContext) -> Wire:
    if context.head.chat.endpoint is Endpoint.RESPONSES:
        return ResponsesWire(context)
    return ChatWire(context)


class _Sender:
    """The state of one response: what is known of its request, whether it has started, its format."""

    def __init__(self, send: Send, body: BodyReader, send_seconds: float) -> None:
        self._send = send
        self._reader = body
        self._send_seconds = send_seconds
        self._has_started = False
        self.context: ReplyContext | None = None
        self.wire: Wire | None = None

    async def stream(self, delta: Delta, context: ReplyContext) -> None:
        """Send a delta, starting the response with the first."""
        wire = self.wire or _wire(context)
        out = wire.delta(delta) if self._has_started else await self._start(wire, context) + wire.delta(delta)
        if out:
            await self._body(out, is_last=False)

    async def close(self, collected: list[Delta], summary: ReplySummary, context: ReplyContext) -> None:
        """End a reply that succeeded."""
        wire = self.wire or _wire(context)
        if context.head.chat.stream:
            before = b"" if self._has_started else await self._start(wire, context)
            await self._body(before + wire.finish(summary), is_last=True)
            return
        body = wire.collected(collected, summary)
        headers = summary_headers(context, summary.outcome) | {"content-length": str(len(body))}
        await self._head(200, "application/json", headers)
        await self._body(body, is_last=True)

    async def fail(self, error: GatewayError, scope: Scope) -> None:
        """End a reply that failed: a real status before the first byte, a terminal event after it."""
        if not self._has_started:
            self._reader.is_answered = True
            response = error_response(error)
            if self.context is not None:
                response.headers.update(failure_headers(self.context))
            await response(scope, self._reader.receive, self._send)
        elif self.wire is not None:
            await self._body(self.wire.error(error), is_last=True)

    async def _start(self, wire: Wire, context: ReplyContext) -> bytes:
        headers = head_headers(context) | {"cache-control": "no-cache", "x-accel-buffering": "no"}
        await self._head(200, "text/event-stream; charset=utf-8", headers)
        return wire.start()

    async def _head(self, status: int, content_type: str, headers: dict[str, str]) -> None:
        self._has_started = True
        raw = [
            (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        raw.append((b"content-type", content_type.encode("latin-1")))
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _body(self, data: bytes, *, is_last: bool) -> None:
        """Send a piece. Raises ClientGoneError where the client takes nothing more."""
        self._reader.is_answered = is_last
        try:
            async with asyncio.timeout(self._send_seconds):
                await self._send({"type": "http.response.body", "body": data, "more_body": not is_last})
        except TimeoutError as error:
            raise ClientGoneError from error
