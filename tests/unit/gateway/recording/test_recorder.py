"""One record for every way out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from contracts.outcome import Attempt, Outcome, OutcomeKind, Usage
from contracts.output import JsonObjectOutput
from contracts.route import Action, RouteDecision
from contracts.trace import TraceRecord
from gateway.errors import EngineTimeoutError
from gateway.recording import QueueRecorder
from gateway.recording.recorder import MAX_GAPS
from gateway.records import ClientGoneError, Delta, Endpoint, InboundRequest, Passage, Principal
from gateway.telemetry.metrics import Metrics
from tests.unit.gateway.fakes import FakeClock, make_chat, make_route, make_task


async def no_body() -> bytes:
    return b""


REQUEST = InboundRequest("req-1", Endpoint.CHAT, {}, no_body)
ATTEMPT = Attempt("first", "small", "m", Usage(1, 2), 0.5, 0.1)
VALID = Outcome(OutcomeKind.VALID, (ATTEMPT,))


@dataclass
class FakeSink:
    taken: list[TraceRecord] = field(default_factory=list)

    def take(self, record: TraceRecord) -> None:
        self.taken.append(record)


class BrokenSink:
    def take(self, record: TraceRecord) -> None:
        raise RuntimeError("full disk")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(100.0)


@pytest.fixture
def sink() -> FakeSink:
    return FakeSink()


@pytest.fixture
def recorder(sink: FakeSink, metrics: Metrics, clock: FakeClock) -> QueueRecorder:
    return QueueRecorder((sink,), metrics, clock=clock)


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def drain(recorder: QueueRecorder) -> None:
    async with recorder.running():
        pass


async def one(recorder: QueueRecorder, sink: FakeSink) -> TraceRecord:
    await drain(recorder)
    (record,) = sink.taken
    return record


async def test_a_success_is_recorded_with_all_that_was_noted(
    recorder: QueueRecorder, sink: FakeSink, clock: FakeClock
) -> None:
    task = make_task(output={"kind": "json_object"})
    decision = RouteDecision(Action.RETRIEVE, "invoice", 0.75, "task:invoice", "v1")
    route = make_route(task=task, decision=decision, adapter="invoice@abc", degraded="no-escalation-pool")
    with recorder.open(REQUEST) as trace:
        trace.identify(Principal("acme"), make_chat(stream=True))
        trace.route(route, (Passage("d", "t", "x", 0, 1, 0.5),) * 2)
        clock.now += 1
        trace.delta(Delta(text="a"))
        clock.now += 2
        trace.delta(Delta(text="b"))
        clock.now += 4
        trace.delta(Delta(usage=Usage(1, 2)))
        trace.attempt(ATTEMPT)
        trace.succeed(VALID)
    assert await one(recorder, sink) == TraceRecord(
        request_id="req-1",
        endpoint="chat",
        tenant="acme",
        task="invoice",
        version="abc",
        decision=decision,
        outcome=VALID,
        seconds=7.0,
        time_to_first_token_seconds=1.0,
        is_structured=True,
        schema="858daf88065f",
        passages=2,
        degraded="no-escalation-pool",
        inter_token_seconds=(2.0,),
    )


async def test_a_request_without_a_task_has_no_task_and_no_version(
    recorder: QueueRecorder, sink: FakeSink
) -> None:
    with recorder.open(REQUEST) as trace:
        trace.identify(Principal("acme"), make_chat(output=JsonObjectOutput(kind="json_object")))
        trace.route(make_route(), ())
        trace.succeed(VALID)
    record = await one(recorder, sink)
    assert (record.task, record.version, record.is_structured) == ("", "", True)


async def test_a_task_on_its_base_model_says_so(recorder: QueueRecorder, sink: FakeSink) -> None:
    with recorder.open(REQUEST) as trace:
        trace.identify(Principal("acme"), make_chat())
        trace.route(make_route(task=make_task()), ())
    record = await one(recorder, sink)
    assert (record.task, record.version, record.is_structured) == ("invoice", "base", False)


async def test_a_whole_reply_has_no_first_token(
    recorder: QueueRecorder, sink: FakeSink, clock: FakeClock
) -> None:
    with recorder.open(REQUEST) as trace:
        trace.identify(Principal("acme"), make_chat(stream=False))
        clock.now += 1
        trace.delta(Delta(text="a"))
        trace.succeed(VALID)
    record = await one(recorder, sink)
    assert (record.time_to_first_token_seconds, record.inter_token_seconds) == (None, ())


async def test_what_is_no_chat_has_a_tenant_and_its_attempts(recorder: QueueRecorder, sink: FakeSink) -> None:
    with recorder.open(InboundRequest("req-2", Endpoint.EMBEDDINGS, {}, no_body)) as trace:
        trace.identify(Principal("acme"))
        trace.attempt(ATTEMPT)
        trace.succeed(VALID)
    record = await one(recorder, sink)
    assert (record.endpoint, record.tenant, record.decision) == ("embeddings", "acme", None)
    assert (record.outcome, record.is_structured, record.time_to_first_token_seconds) == (VALID, False, None)


async def test_gaps_are_bounded(recorder: QueueRecorder, sink: FakeSink) -> None:
    with recorder.open(REQUEST) as trace:
        trace.identify(Principal("acme"), make_chat(stream=True))
        for _ in range(MAX_GAPS + 10):
            trace.delta(Delta(text="a"))
    assert len((await one(recorder, sink)).inter_token_seconds) == MAX_GAPS


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (EngineTimeoutError("slow"), "engine_timeout"),
        (asyncio.CancelledError(), "client_closed"),
        (GeneratorExit(), "client_closed"),
        (ClientGoneError(), "client_closed"),
        (KeyError("defect"), "internal_error"),
        (KeyboardInterrupt(), "internal_error"),
    ],
    ids=lambda case: type(case).__name__,
)
async def test_a_failure_is_recorded_once_and_goes_on(
    recorder: QueueRecorder, sink: FakeSink, metrics: Metrics, failure: BaseException, code: str
) -> None:
    with pytest.raises(type(failure)), recorder.open(REQUEST) as trace:  # noqa: PT012  # the way out is the test
        trace.attempt(ATTEMPT)
        assert sample(metrics, "firstline_requests_in_flight", endpoint="chat") == 1
        raise failure
    assert (await one(recorder, sink)).outcome == Outcome(OutcomeKind.FAILED, (ATTEMPT,), code)
    assert sample(metrics, "firstline_requests_in_flight", endpoint="chat") == 0


async def test_a_failure_after_the_outcome_is_a_failure(recorder: QueueRecorder, sink: FakeSink) -> None:
    with pytest.raises(asyncio.CancelledError), recorder.open(REQUEST) as trace:  # noqa: PT012  # as above
        trace.attempt(ATTEMPT)
        trace.succeed(VALID)
        raise asyncio.CancelledError
    assert (await one(recorder, sink)).outcome.kind is OutcomeKind.FAILED


async def test_a_request_that_ends_without_an_outcome_has_failed(
    recorder: QueueRecorder, sink: FakeSink
) -> None:
    with recorder.open(REQUEST):
        pass
    record = await one(recorder, sink)
    assert record.outcome == Outcome(OutcomeKind.FAILED, (), "internal_error")
    assert (record.tenant, record.decision) == ("", None)


async def test_what_does_not_fit_the_queue_is_counted(
    sink: FakeSink, metrics: Metrics, clock: FakeClock
) -> None:
    recorder = QueueRecorder((sink,), metrics, clock=clock, capacity=2)
    for _ in range(5):
        with recorder.open(REQUEST) as trace:
            trace.succeed(VALID)
    await drain(recorder)
    assert len(sink.taken) == 2
    assert sample(metrics, "firstline_records_lost_total") == 3


async def test_a_sink_that_fails_stops_no_other(sink: FakeSink, metrics: Metrics, clock: FakeClock) -> None:
    recorder = QueueRecorder((BrokenSink(), sink), metrics, clock=clock)
    for _ in range(2):
        with recorder.open(REQUEST) as trace:
            trace.succeed(VALID)
    await drain(recorder)
    assert len(sink.taken) == 2


async def test_records_are_taken_while_it_runs(recorder: QueueRecorder, sink: FakeSink) -> None:
    async with recorder.running():
        with recorder.open(REQUEST) as trace:
            trace.succeed(VALID)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(sink.taken) == 1
    assert len(sink.taken) == 1
