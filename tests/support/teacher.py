"""A scripted OpenAI-compatible model: a real HTTP server that answers, refuses, breaks off or hangs."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests.support._loop_thread import LoopThread

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One scripted reply. `hangs` holds the request until the server closes; `cuts` drops the connection.

    `awaits` holds it until so many requests have come in all.
    """

    text: str | None = ""
    finish_reason: str = "stop"
    refusal: str | None = None
    status: int = 200
    message: str = "the scripted teacher refuses"
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hangs: bool = False
    cuts: bool = False
    awaits: int = 0
    prompt_tokens: int | None = 100
    completion_tokens: int = 20


class ScriptedTeacher:
    """Serves `/v1/chat/completions` from its own thread. Queued turns come first, then the rule."""

    def __init__(self, rule: Callable[[Body], Turn] | None = None) -> None:
        self.rule = rule or (lambda _body: Turn("{}"))
        self.requests: list[Body] = []
        self.keys: list[str] = []
        self.most_at_once = 0
        self._now = 0
        self._queue: deque[Turn] = deque()
        self._closing = asyncio.Event()
        self._held: list[tuple[int, asyncio.Event]] = []
        self._arrived = threading.Condition()
        self._thread: LoopThread | None = None
        self._runner: web.AppRunner | None = None
        self.url = ""

    def script(self, *turns: Turn) -> None:
        """Queue replies for the next requests."""
        self._queue.extend(turns)

    def wait_for(self, requests: int, seconds: float = 30.0) -> None:
        """Block until so many requests have come.

        Raises:
            TimeoutError: they did not in time.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= requests, seconds):
                raise TimeoutError(f"{len(self.requests)} of {requests} requests came")

    def __enter__(self) -> Self:
        """Start on a free port."""
        self._thread = LoopThread("scripted-teacher")
        port = self._thread.run(self._start())
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of what hangs, and stop."""
        assert self._thread is not None
        self._thread.run(self._stop())
        self._thread.close()

    async def _start(self) -> int:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _stop(self) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body: Body = await request.json()
        with self._arrived:
            self.requests.append(body)
            self._arrived.notify_all()
        self.keys.append(request.headers.get("authorization", ""))
        turn = self._queue.popleft() if self._queue else self.rule(body)
        for count, event in self._held:
            if len(self.requests) >= count:
                event.set()
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            return await self._delivered(request, turn)
        finally:
            self._now -= 1

    async def _delivered(self, request: web.Request, turn: Turn) -> web.StreamResponse:
        if len(self.requests) < turn.awaits:
            event = asyncio.Event()
            self._held.append((turn.awaits, event))
            await event.wait()
        if turn.hangs:
            await self._closing.wait()
        if turn.cuts:
            assert request.transport is not None
            request.transport.abort()
        if turn.raw is not None:
            return web.Response(body=turn.raw, status=turn.status, content_type="application/json")
        if turn.status != 200:
            error = {"error": {"message": turn.message, "type": "scripted", "code": turn.status}}
            return web.json_response(error, status=turn.status, headers=dict(turn.headers))
        message = {"role": "assistant", "content": turn.text, "refusal": turn.refusal}
        reply: Body = {"choices": [{"index": 0, "message": message, "finish_reason": turn.finish_reason}]}
        if turn.prompt_tokens is not None:
            reply["usage"] = {
                "prompt_tokens": turn.prompt_tokens,
                "completion_tokens": turn.completion_tokens,
            }
        return web.json_response(reply, headers=dict(turn.headers))


def user_text(body: Body) -> str:
    """The last user turn of a request."""
    return str(body["messages"][-1]["content"])


def written(*examples: tuple[str, object]) -> Turn:
    """A reply with examples of text and output."""
    rows = [{"text": text, "output": output} for text, output in examples]
    return Turn(json.dumps({"examples": rows}))
