"""What the pipeline asks of each stage, met by shape."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from contracts.outcome import Attempt, Outcome
from gateway.records import (
    Chat,
    Delta,
    InboundRequest,
    Job,
    Passage,
    Principal,
    ReplyDelta,
    ReplyHead,
    ReplyItem,
    ReplySummary,
    Route,
)

Generate = Callable[[Job], AsyncGenerator[Delta]]
"""Makes one generation. May raise 400, 502, 503, 504 before the first delta, 502 and 504 after it."""


class Trace(Protocol):
    """The open record of one request; closed once on every way out."""

    def identify(self, principal: Principal, chat: Chat | None = None) -> None:
        """Note who asks, and for what where it is a chat."""

    def route(self, route: Route, passages: tuple[Passage, ...]) -> None:
        """Note the decision and what was retrieved."""

    def attempt(self, attempt: Attempt) -> None:
        """Note a finished generation, successful or not."""

    def delta(self, delta: Delta) -> None:
        """Note that a delta leaves, for time to first token and inter-token latency."""

    def succeed(self, outcome: Outcome) -> None:
        """Note the outcome; a trace closed without one has failed."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts so far."""


class Recorder(Protocol):
    """Opens traces. Never raises; hands over without waiting."""

    def open(self, request: InboundRequest) -> AbstractContextManager[Trace]:
        """Open the record of one request."""


class Authenticator(Protocol):
    """May raise 401 and 403."""

    async def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Say who asks, before the body is read."""


class Parser(Protocol):
    """May raise 400 and 413. The only place with raw JSON objects."""

    async def parse(self, request: InboundRequest) -> Chat:
        """Read and decode the body."""


class Routing(Protocol):
    """May raise 404."""

    async def decide(self, principal: Principal, chat: Chat, request_id: str) -> Route:
        """Choose action, task, pool and adapter version."""


class Retriever(Protocol):
    """Never raises for an empty result."""

    async def retrieve(self, chat: Chat, route: Route) -> tuple[Passage, ...]:
        """Read the passages that the route asks for; empty where it asks for none."""


class Composer(Protocol):
    """May raise 400."""

    def compose(self, chat: Chat, route: Route, passages: tuple[Passage, ...]) -> Job:
        """Write the first job: prompt, contract, sampling, deadline."""


class Conformer(Protocol):
    """May raise 400, 502, 503, 504."""

    def conform(
        self, principal: Principal, chat: Chat, job: Job, generate: Generate, trace: Trace
    ) -> AsyncGenerator[ReplyDelta | ReplySummary]:
        """Verify, retry and escalate within the job's deadline; yield only what is proven."""


__all__ = [
    "Authenticator",
    "Composer",
    "Conformer",
    "Generate",
    "Parser",
    "Recorder",
    "ReplyHead",
    "ReplyItem",
    "Retriever",
    "Routing",
    "Trace",
]
