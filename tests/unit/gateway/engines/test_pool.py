"""Which engine a request gets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.engines.client import EngineUnreachableError
from gateway.engines.pool import MAX_MISSED_CHECKS, MAX_WAITING, Pool
from gateway.errors import AdapterNotReadyError, EngineError, EngineTimeoutError, EngineUnavailableError
from tests.unit.gateway.engines.fake_engines import FakeClient, make_pool, turns, until


async def test_the_least_busy_engine_is_chosen() -> None:
    pool = make_pool(FakeClient(), FakeClient(), FakeClient())
    first, second, third = pool.engines
    with first.occupied(), first.occupied(), second.occupied(), third.occupied(), third.occupied():
        assert await pool.choose(None) is second
    assert [engine.in_flight for engine in pool.engines] == [0, 0, 0]


async def test_an_engine_that_is_down_is_not_chosen() -> None:
    pool = make_pool(FakeClient(), FakeClient())
    pool.engines[0].lost()
    with pool.engines[1].occupied():
        assert await pool.choose(None) is pool.engines[1]


async def test_an_engine_that_was_tried_is_not_chosen_again() -> None:
    pool = make_pool(FakeClient(), FakeClient())
    tried = frozenset({"small/0"})
    assert await pool.choose(None, tried) is pool.engines[1]
    with pytest.raises(EngineUnavailableError):
        await pool.choose(None, tried | {"small/1"})


async def test_without_an_engine_the_client_is_told_when_to_come_back() -> None:
    pool = make_pool(FakeClient(), healthy=False)
    assert not pool.is_ready
    for adapter in (None, "task@1"):
        with pytest.raises(EngineUnavailableError, match="'small'") as caught:
            await pool.choose(adapter)
        assert (caught.value.status, caught.value.retryable, caught.value.retry_after_seconds) == (
            503,
            True,
            5,
        )


async def test_only_an_engine_that_has_proven_the_adapter_serves_it() -> None:
    pool = make_pool(FakeClient(), FakeClient())
    pool.engines[1].ready_adapters = frozenset({"task@1"})
    with pool.engines[1].occupied():
        assert await pool.choose("task@1") is pool.engines[1]
        assert await pool.choose(None) is pool.engines[0]


async def test_an_adapter_that_does_not_come_within_the_wait_is_a_typed_error() -> None:
    pool = make_pool(FakeClient(), wait=0)
    with pytest.raises(AdapterNotReadyError, match=r"'task@1'") as caught:
        await pool.choose("task@1")
    assert (caught.value.code, caught.value.retry_after_seconds) == ("adapter_not_ready", 2)


async def test_a_request_waits_for_the_adapter_that_is_being_loaded() -> None:
    pool = make_pool(FakeClient(), FakeClient(), wait=60)
    waiting = asyncio.ensure_future(pool.choose("task@1"))
    await turns(10)
    await pool.notify()
    await turns(10)
    assert not waiting.done()
    pool.engines[1].ready_adapters = frozenset({"task@1"})
    await pool.notify()
    assert await waiting is pool.engines[1]


async def test_those_who_wait_are_counted_by_adapter_and_told_of_once() -> None:
    pool = make_pool(FakeClient(), wait=60)
    told: list[int] = []
    pool.on_wait(lambda: told.append(pool.waiting["task@1"]))
    waiting = [asyncio.ensure_future(pool.choose("task@1")) for _ in range(3)]
    await turns(10)
    assert (pool.waiting, told) == ({"task@1": 3}, [1])
    pool.engines[0].ready_adapters = frozenset({"task@1"})
    await pool.notify()
    await asyncio.gather(*waiting)
    assert pool.waiting == {}


async def test_one_who_hangs_up_waits_no_more() -> None:
    pool = make_pool(FakeClient(), wait=60)
    waiting = asyncio.ensure_future(pool.choose("task@1"))
    await turns(10)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert pool.waiting == {}


async def test_no_more_wait_than_the_bound() -> None:
    pool = make_pool(FakeClient(), wait=60)
    pool.waiting["other@1"] = MAX_WAITING
    with pytest.raises(AdapterNotReadyError):
        await pool.choose("task@1")


async def test_a_use_is_counted_for_the_adapter_while_the_request_is_on_the_engine() -> None:
    engine = make_pool(FakeClient()).engines[0]
    with engine.occupied("task@1"), engine.occupied():
        assert (engine.in_flight, engine.uses.in_flight("task@1")) == (2, 1)
    assert (engine.in_flight, engine.uses.in_flight("task@1")) == (0, 0)
    assert 0.9 < engine.uses.heat("task@1") <= 1.0


async def test_a_lost_engine_must_prove_its_adapters_again() -> None:
    pool = make_pool(FakeClient())
    engine = pool.engines[0]
    engine.ready_adapters = frozenset({"a@1", "b@1"})
    engine.lost_adapter("a@1")
    assert engine.ready_adapters == {"b@1"}
    engine.lost()
    assert (engine.is_healthy, engine.ready_adapters) == (False, frozenset())


async def test_health_is_checked_at_once_and_the_clients_are_closed() -> None:
    clients = FakeClient(), FakeClient(health=[EngineUnreachableError("gone")])
    pool = make_pool(*clients, healthy=False)
    async with pool.running():
        assert all(client.is_open for client in clients)
        await until(lambda: pool.is_ready)
        await until(lambda: bool(clients[1].checked))
        assert [engine.is_healthy for engine in pool.engines] == [True, False]
    assert not any(client.is_open for client in clients)


@pytest.mark.parametrize(("kind", "path"), [("vllm", "/health"), ("openai", "/v1/models")])
async def test_health_is_asked_of_what_the_kind_has(kind: str, path: str) -> None:
    client = FakeClient()
    pool = make_pool(client, healthy=False, kind=kind)
    async with pool.running():
        await until(lambda: pool.is_ready)
    assert client.checked == [path]


REFUSALS = [400, 401, 403, 404, 405, 429]


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_is_an_answer_of_a_living_provider(status: int) -> None:
    pool = make_pool(FakeClient(health=[status]), healthy=False, kind="openai")
    async with pool.running():
        await until(lambda: pool.is_ready)


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_is_no_answer_of_a_living_vllm(status: int) -> None:
    pool = make_pool(FakeClient(health=[status]), healthy=False, health_interval_seconds=1e-9)
    async with pool.running():
        await checks(pool, 2)
        assert not pool.is_ready


MISSES: list[int | Exception] = [500, 503, 302, EngineError("cut"), EngineTimeoutError("slow")]


@pytest.mark.parametrize("miss", MISSES, ids=str)
async def test_a_few_missed_checks_cost_neither_the_engine_nor_its_adapters(miss: int | Exception) -> None:
    few: list[int | Exception] = [miss] * (MAX_MISSED_CHECKS - 1)
    pool = make_pool(FakeClient(health=[*few, 200, *few, 200]), health_interval_seconds=1e-9)
    pool.engines[0].ready_adapters = frozenset({"task@1"})
    async with pool.running():
        await checks(pool, 2 * MAX_MISSED_CHECKS)
        assert pool.engines[0].serves("task@1")


@pytest.mark.parametrize("miss", MISSES, ids=str)
async def test_missed_checks_in_a_row_lose_the_engine(miss: int | Exception) -> None:
    pool = make_pool(FakeClient(health=[miss]), health_interval_seconds=1e-9)
    pool.engines[0].ready_adapters = frozenset({"task@1"})
    async with pool.running():
        await until(lambda: not pool.is_ready)
        assert len(checked(pool)) == MAX_MISSED_CHECKS
    assert pool.engines[0].ready_adapters == frozenset()


async def test_an_engine_that_cannot_be_reached_is_lost_at_once() -> None:
    pool = make_pool(FakeClient(health=[EngineUnreachableError("gone")]))
    async with pool.running():
        await until(lambda: not pool.is_ready)
        assert len(checked(pool)) == 1


def checked(pool: Pool) -> list[str]:
    client: Any = pool.engines[0].client
    paths: list[str] = client.checked
    return paths


async def checks(pool: Pool, number: int) -> None:
    """Let the health loop make so many checks and see the last one through."""
    await until(lambda: len(checked(pool)) >= number)
    await turns(5)
