"""A scripted engine: a real HTTP server on a port of its own that speaks vLLM's protocol."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from aiohttp import web

from tests.support._administration import Administration, Kind, refuse
from tests.support._delivery import Delivery
from tests.support._generation import Generation
from tests.support._loop_thread import LoopThread
from tests.support._refusals import Refusal, count_prompt_tokens, refusal_of
from tests.support._script import BEFORE_HEADERS, Recorded, Reply, ScriptedCall

__all__ = ["BEFORE_HEADERS", "Recorded", "Reply", "ScriptedCall", "StubEngine"]

WAIT_SECONDS = 20.0
_GENERATION_PATHS = ("/v1/chat/completions", "/v1/completions")
DEFAULT_REPLY = Reply(text="Hello there, welcome.")


class StubEngine:
    """Serves from its own thread; scripted and asked from any other.

    `kind="vllm"` loads adapters and refuses tools as an engine without a tool parser does;
    `kind="openai"` answers tools natively, has no health route and refuses fields that are vLLM's own.
    The port is held from the start to the end, also while the engine is stopped.
    """

    def __init__(
        self,
        *models: str,
        kind: Kind = "vllm",
        version: str = "0.32.0",
        max_model_len: int = 4096,
    ) -> None:
        self.models = models or ("smollm2-135m",)
        self.kind = kind
        self.max_model_len = max_model_len
        self._administration = Administration(
            self.models, kind=kind, version=version, max_model_len=max_model_len
        )
        self.requests: list[Recorded] = []
        self.generating = 0
        self.aborted = 0
        self._changed = threading.Condition()
        self._queues: dict[str, deque[Reply]] = defaultdict(deque)
        self._rules: dict[str, Reply] = {}
        self._released = asyncio.Event()
        self._thread: LoopThread | None = None
        self._runner: web.AppRunner | None = None
        self._is_stopping = False
        self._socket = _bound_socket(0)
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Root of the server, without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def adapters(self) -> dict[str, str]:
        """Names and paths of the loaded adapters."""
        return self._administration.adapters

    @property
    def generations(self) -> list[Recorded]:
        """The chat and completion requests so far."""
        return [request for request in self.requests if request.path in _GENERATION_PATHS]

    # Scripts

    def script(self, *replies: Reply, on: str = "") -> None:
        """Queue replies for the next generations; `on` names a model or a path (`/health`) they are for."""
        self._queues[on].extend(replies)

    def always(self, reply: Reply | None, on: str = "") -> None:
        """Answer so whenever nothing is queued; None takes the rule away."""
        if reply is None:
            self._rules.pop(on, None)
        else:
            self._rules[on] = reply

    def release(self) -> None:
        """Let every hanging reply go on to its end."""
        if self._thread is not None:
            self._thread.run(self._release())

    def reset(self) -> None:
        """Be as new: running, nothing scripted, recorded, loaded or under way."""
        if self._runner is None:
            self.start()
        self._queues.clear()
        self._rules.clear()
        self.release()
        self.wait(lambda stub: stub.generating == 0)
        self.adapters.clear()
        self.requests.clear()
        self.aborted = 0

    def wait(self, condition: Callable[[StubEngine], object], seconds: float = WAIT_SECONDS) -> None:
        """Block until the condition holds.

        Raises:
            TimeoutError: it did not in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), seconds):
                raise TimeoutError("the stub engine did not come to the awaited state")

    async def until(self, condition: Callable[[StubEngine], object], seconds: float = WAIT_SECONDS) -> None:
        """`wait` for tests that run on an event loop."""
        await asyncio.to_thread(self.wait, condition, seconds)

    # Life

    def start(self) -> Self:
        """Listen."""
        if self._thread is None:
            self._thread = LoopThread("stub-engine")
        self._thread.run(self._start())
        return self

    def stop(self) -> None:
        """Drop every connection and listen no more; adapters are lost, the port is kept."""
        if self._thread is not None and self._runner is not None:
            self._thread.run(self._stop())

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Give everything back."""
        self.stop()
        if self._thread is not None:
            self._thread.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    async def _start(self) -> None:
        self._is_stopping = False
        self._released = asyncio.Event()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.0, access_log=None)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, backlog=1024).start()

    async def _stop(self) -> None:
        self._is_stopping = True
        # asyncio leaks a connection that it has accepted but not wrapped when its server closes.
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self._runner is not None:
            for connection in list(self._runner.server.connections if self._runner.server else ()):
                if connection.transport is not None:
                    connection.transport.abort()
            await self._runner.cleanup()
            self._runner = None
        self.adapters.clear()
        self._socket.close()
        self._socket = _bound_socket(self.port)

    async def _release(self) -> None:
        self._released.set()
        self._released = asyncio.Event()

    # Requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        self._note(lambda: self.requests.append(_recorded(request, raw, body)))
        if request.path not in _GENERATION_PATHS:
            return await self._administer(request, body)
        self._note(lambda: self._count(generating=1))
        try:
            return await self._generate(request, body)
        except (asyncio.CancelledError, ConnectionResetError):
            if not self._is_stopping:
                self._note(lambda: self._count(aborted=1))
            raise
        finally:
            self._note(lambda: self._count(generating=-1))

    def _note(self, change: Callable[[], object]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def _count(self, *, generating: int = 0, aborted: int = 0) -> None:
        self.generating += generating
        self.aborted += aborted

    def _next(self, *keys: str) -> Reply | None:
        for key in keys:
            if self._queues.get(key):
                return self._queues[key].popleft()
        return next((self._rules[key] for key in keys if key in self._rules), None)

    async def _administer(self, request: web.Request, body: Any) -> web.StreamResponse:
        reply = self._next(request.path)
        if reply is not None:
            refused = await Delivery(request, reply, self._wait_released).plain()
            if refused is not None:
                return refused
        response = self._administration.answer(request.path, body, running=self.generating)
        self._note(lambda: None)
        return response

    async def _generate(self, request: web.Request, body: Any) -> web.StreamResponse:
        if not isinstance(body, dict):
            message = "1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.0'}"
            return refuse(Refusal(400, message, "Bad Request", "body.0"))
        refusal = refusal_of(body, [*self.models, *self.adapters], self.max_model_len, self.kind)
        if refusal is not None:
            return refuse(refusal)
        reply = self._next(request.path, body["model"], "") or _default_reply(body)
        if reply.is_echo:
            reply = replace(reply, text=body["messages"][-1]["content"])
        delivery = Delivery(request, reply, self._wait_released)
        refused = await delivery.plain()
        if refused is not None:
            return refused
        generation = Generation(body, reply, count_prompt_tokens(body), is_chat="chat" in request.path)
        if body.get("stream"):
            return await delivery.stream(generation)
        return await delivery.whole(generation)

    async def _wait_released(self) -> None:
        await self._released.wait()


def _bound_socket(port: int) -> socket.socket:
    """A socket that owns the port and refuses connections until it listens."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _recorded(request: web.Request, raw: bytes, body: Any) -> Recorded:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Recorded(request.method, request.path, headers, raw, body)


def _default_reply(body: dict[str, Any]) -> Reply:
    """A choice is answered by its first label, JSON by an empty object, the rest by a greeting."""
    choices = (body.get("structured_outputs") or {}).get("choice")
    if choices:
        return Reply(text=choices[0])
    if (body.get("response_format") or {}).get("type") in ("json_schema", "json_object"):
        return Reply(text="{}")
    return DEFAULT_REPLY
