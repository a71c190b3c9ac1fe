"""The record stage: one trace a request, handed over without waiting, sunk off the response path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import structlog

from contracts.outcome import Attempt, Outcome, OutcomeKind
from contracts.trace import TraceRecord
from gateway.errors import GatewayError
from gateway.records import Chat, ClientGoneError, Delta, InboundRequest, Passage, Principal, Route
from gateway.telemetry.faults import fault_fields
from gateway.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)
MAX_GAPS = 512
CLIENT_CLOSED = "client_closed"


class Sink(Protocol):
    """Takes closed records."""

    def take(self, record: TraceRecord) -> None:
        """Take one. Must be quick; raising loses this record for this sink alone."""


class RequestTrace:
    """The open record of one request."""

    def __init__(self, request: InboundRequest, clock: Callable[[], float]) -> None:
        self._request = request
        self._clock = clock
        self._started = clock()
        self._last_delta: float | None = None
        self._first_token_seconds: float | None = None
        self._gaps: list[float] = []
        self._attempts: list[Attempt] = []
        self._tenant = ""
        self._route: Route | None = None
        self._passages = 0
        self._is_structured = False
        self._is_stream = False
        self._outcome: Outcome | None = None

    def identify(self, principal: Principal, chat: Chat | None = None) -> None:
        """Note who asks, and for what where it is a chat."""
        self._tenant = principal.tenant
        if chat is not None:
            self._is_structured = chat.output is not None
            self._is_stream = chat.stream

    def route(self, route: Route, passages: tuple[Passage, ...]) -> None:
        """Note the decision and what was retrieved."""
        self._route = route
        self._passages = len(passages)
        if route.task is not None and route.task.output.kind != "text":
            self._is_structured = True

    def attempt(self, attempt: Attempt) -> None:
        """Note a finished generation."""
        self._attempts.append(attempt)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts so far."""
        return tuple(self._attempts)

    def delta(self, delta: Delta) -> None:
        """Note the time at which a delta of a stream leaves; a whole reply has no first token."""
        if not self._is_stream or delta.usage is not None:
            return
        now = self._clock()
        if self._last_delta is None:
            self._first_token_seconds = now - self._started
        elif len(self._gaps) < MAX_GAPS:
            self._gaps.append(now - self._last_delta)
        self._last_delta = now

    def succeed(self, outcome: Outcome) -> None:
        """Note the outcome."""
        self._outcome = outcome

    def closed(self, error_code: str | None) -> TraceRecord:
        """Make the record. Without an outcome the request has failed with this code."""
        route = self._route
        failed = Outcome(OutcomeKind.FAILED, self.attempts, error_code or "internal_error")
        return TraceRecord(
            request_id=self._request.request_id,
            endpoint=str(self._request.endpoint),
            tenant=self._tenant,
            task=route.task.name if route and route.task else "",
            version=_version(route),
            decision=route.decision if route else None,
            outcome=self._outcome if self._outcome is not None and error_code is None else failed,
            seconds=self._clock() - self._started,
            time_to_first_token_seconds=self._first_token_seconds,
            is_structured=self._is_structured,
            schema=_schema(route) if self._is_structured else "",
            passages=self._passages,
            degraded=route.degraded if route else None,
            inter_token_seconds=tuple(self._gaps),
        )


class QueueRecorder:
    """Opens traces and feeds the sinks from a bounded queue; what does not fit is counted as lost."""

    def __init__(
        self, sinks: Sequence[Sink], metrics: Metrics, *, clock: Callable[[], float], capacity: int = 10_000
    ) -> None:
        self._sinks = sinks
        self._metrics = metrics
        self._clock = clock
        self._queue: asyncio.Queue[TraceRecord] = asyncio.Queue(capacity)

    @contextmanager
    def open(self, request: InboundRequest) -> Iterator[RequestTrace]:
        """Open the record of one request; it is handed over on every way out."""
        trace = RequestTrace(request, self._clock)
        in_flight = self._metrics.in_flight.labels(str(request.endpoint))
        in_flight.inc()
        code: str | None = None
        try:
            yield trace
        except GatewayError as error:
            code = error.code
            raise
        except (GeneratorExit, asyncio.CancelledError, ClientGoneError):
            code = CLIENT_CLOSED
            raise
        except BaseException:
            code = "internal_error"
            raise
        finally:
            in_flight.dec()
            self._hand_over(trace.closed(code))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Feed the sinks; at the end what is queued is still taken."""
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(self._feed())
            try:
                yield
            finally:
                loop.cancel()
        while not self._queue.empty():
            self._take(self._queue.get_nowait())

    def _hand_over(self, record: TraceRecord) -> None:
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            self._metrics.records_lost.inc()

    async def _feed(self) -> None:
        while True:
            self._take(await self._queue.get())

    def _take(self, record: TraceRecord) -> None:
        for sink in self._sinks:
            try:
                sink.take(record)
            except Exception as error:  # noqa: BLE001  # a sink's defect must not stop the others
                fields = fault_fields(error)
                _log.error("sink_failed", sink=type(sink).__name__, request_id=record.request_id, **fields)


def _schema(route: Route | None) -> str:
    """A label may come from configuration, never from a client."""
    if route is None or route.task is None or route.task.output.kind == "text":
        return "request"
    return route.task.output_hash


def _version(route: Route | None) -> str:
    if route is None or route.task is None:
        return ""
    return route.adapter.rpartition("@")[2] if route.adapter else "base"
