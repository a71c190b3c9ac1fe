"""One generation: where it is sent, what is tried again, and what is not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from contracts.outcome import Usage
from gateway.engines.client import EngineUnreachableError, UnknownModelError
from gateway.engines.generator import MAX_ENGINES_TRIED, Generator
from gateway.engines.pool import Pool
from gateway.errors import (
    AdapterNotReadyError,
    EngineError,
    EngineTimeoutError,
    EngineUnavailableError,
    GatewayError,
    InvalidRequestError,
)
from gateway.records import Delta, Job
from tests.unit.gateway.engines.fake_engines import FakeClient, make_pool
from tests.unit.gateway.fakes import FakeClock, make_job, make_route

ADAPTER = "invoice@abc"
UNREACHABLE = EngineUnreachableError("no connection")


def text(value: str, finish: str | None = None) -> bytes:
    return orjson.dumps({"choices": [{"index": 0, "delta": {"content": value}, "finish_reason": finish}]})


WHOLE = orjson.dumps(
    {
        "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
)
ANSWER = [Delta(text="hi", finish_reason="stop"), Delta(usage=Usage(1, 2))]


def generator(pool: Pool, now: float = 1000.0) -> Generator:
    return Generator({"small": pool}, clock=FakeClock(now))


async def collect(deltas: AsyncGenerator[Delta]) -> list[Delta]:
    async with aclosing(deltas) as stream:
        return [delta async for delta in stream]


async def ask(pool: Pool, now: float = 1000.0, **job: Any) -> list[Delta]:
    return await collect(generator(pool, now).generate(make_job(**job)))


async def failed(pool: Pool, job: Job, kind: type[GatewayError]) -> tuple[list[Delta], GatewayError]:
    """What came before the failure, and the failure."""
    before: list[Delta] = []

    async def drain() -> None:
        async with aclosing(generator(pool).generate(job)) as stream:
            async for delta in stream:
                before.append(delta)  # noqa: PERF401  # what came before a failure counts

    with pytest.raises(kind) as caught:
        await drain()
    assert type(caught.value) is kind
    return before, caught.value


async def test_a_whole_reply_is_read_under_the_deadline_alone() -> None:
    client = FakeClient([WHOLE])
    assert await ask(make_pool(client), now=1050.0) == ANSWER
    (asked,) = client.asked
    assert (asked["path"], asked["body"]["model"]) == ("/v1/chat/completions", "small-model")
    assert (asked["stall_seconds"], asked["total_seconds"]) == (10.0, 10.0)


async def test_a_stream_is_bounded_in_each_silence() -> None:
    client = FakeClient([[text("h"), text("i", "stop")]])
    pool = make_pool(client, stall_timeout_seconds=3)
    assert await ask(pool, stream=True) == [Delta(text="h"), Delta(text="i", finish_reason="stop")]
    assert (client.asked[0]["stall_seconds"], client.asked[0]["total_seconds"]) == (3.0, 60.0)


async def test_the_engine_is_busy_while_it_answers_and_free_after() -> None:
    pool = make_pool(FakeClient([[text("h"), text("i", "stop")]]))
    async with aclosing(generator(pool).generate(make_job(stream=True))) as stream:
        await anext(stream)
        assert pool.engines[0].in_flight == 1
    assert pool.engines[0].in_flight == 0


async def test_an_engine_that_was_never_reached_is_left_for_another() -> None:
    down, up = FakeClient([UNREACHABLE]), FakeClient([WHOLE])
    pool = make_pool(down, up)
    assert await ask(pool) == ANSWER
    assert [engine.is_healthy for engine in pool.engines] == [False, True]
    assert [engine.in_flight for engine in pool.engines] == [0, 0]


async def test_without_another_engine_the_failure_is_one_that_passes() -> None:
    pool = make_pool(FakeClient([UNREACHABLE]))
    before, _ = await failed(pool, make_job(), EngineUnavailableError)
    assert before == []


async def test_at_most_three_engines_are_tried() -> None:
    clients = [FakeClient([UNREACHABLE]) for _ in range(5)]
    await failed(make_pool(*clients), make_job(), EngineUnreachableError)
    assert sum(len(client.asked) for client in clients) == MAX_ENGINES_TRIED == 3


async def test_an_engine_that_lost_the_adapter_is_left_for_one_that_has_it() -> None:
    lost, proven = FakeClient([UnknownModelError("404")]), FakeClient([WHOLE])
    pool = make_pool(lost, proven)
    for engine in pool.engines:
        engine.ready_adapters = frozenset({ADAPTER})
    assert await ask(pool, route=make_route(adapter=ADAPTER)) == ANSWER
    assert [engine.ready_adapters for engine in pool.engines] == [frozenset(), {ADAPTER}]
    assert pool.engines[0].is_healthy


async def test_an_adapter_that_nobody_has_any_more_is_waited_for() -> None:
    pool = make_pool(FakeClient([UnknownModelError("404")]))
    pool.engines[0].ready_adapters = frozenset({ADAPTER})
    await failed(pool, make_job(route=make_route(adapter=ADAPTER)), AdapterNotReadyError)


async def test_a_base_model_that_the_engine_does_not_have_is_not_asked_for_again() -> None:
    client = FakeClient([UnknownModelError("404"), WHOLE])
    await failed(make_pool(client), make_job(), UnknownModelError)
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    "failure", [EngineError("500"), EngineTimeoutError("slow"), InvalidRequestError("no")], ids=str
)
async def test_what_an_engine_answered_is_not_asked_of_another(failure: GatewayError) -> None:
    clients = FakeClient([failure]), FakeClient([WHOLE])
    await failed(make_pool(*clients), make_job(), type(failure))
    assert (len(clients[0].asked), len(clients[1].asked)) == (1, 0)


async def test_after_the_first_delta_nothing_is_tried_again() -> None:
    clients = FakeClient([[text("h"), EngineError("cut")]]), FakeClient([[text("x", "stop")]])
    before, error = await failed(make_pool(*clients), make_job(stream=True), EngineError)
    assert before == [Delta(text="h")]
    assert (error.message, clients[1].asked) == ("cut", [])


async def test_an_error_inside_the_stream_is_an_engine_error() -> None:
    event = b'{"error":{"message":"out of memory","type":"x"}}'
    before, error = await failed(
        make_pool(FakeClient([[text("h"), event]])), make_job(stream=True), EngineError
    )
    assert before == [Delta(text="h")]
    assert "out of memory" in error.message


@pytest.mark.parametrize("events", [[], [b'{"choices":[],"usage":{"prompt_tokens":1}}']], ids=str)
async def test_a_stream_without_a_choice_is_an_engine_error(events: list[bytes | Exception]) -> None:
    _, error = await failed(make_pool(FakeClient([events])), make_job(stream=True), EngineError)
    assert "no choice" in error.message


async def test_a_passed_deadline_asks_nobody() -> None:
    client = FakeClient([WHOLE])
    await failed(make_pool(client), make_job(deadline=1000.0), EngineTimeoutError)
    assert client.asked == []
