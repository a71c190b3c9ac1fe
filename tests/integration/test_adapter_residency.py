"""More adapters than an engine holds, against scripted engines: loaded on demand, evicted, healed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.adapter import AdapterManifest
from gateway.adapters import AdapterStore, LoadState, Reconciler
from gateway.engines.pool import Pool
from gateway.errors import AdapterNotReadyError
from gateway.settings import AdapterSettings, EngineSettings, PoolSettings
from tests.support.stub_engine import Reply, StubEngine
from tests.unit.gateway.adapters.stored import put_version

MODEL = "small-model"
SETTINGS = AdapterSettings(reconcile_interval_seconds=0.05, load_timeout_seconds=10)
LOAD, UNLOAD = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"


@dataclass(frozen=True)
class Side:
    """What a gateway has of its engines."""

    pool: Pool
    reconciler: Reconciler
    store: AdapterStore


@pytest.fixture
def engines() -> Iterator[list[StubEngine]]:
    with ExitStack() as stack:
        yield [stack.enter_context(StubEngine(MODEL)) for _ in range(2)]


@asynccontextmanager
async def serving(
    folder: Path, engines: list[StubEngine], *, places: int, wait_seconds: float = 20
) -> AsyncIterator[Side]:
    section = PoolSettings(
        engines=tuple(EngineSettings(url=engine.url) for engine in engines),
        models=(MODEL,),
        health_interval_seconds=0.05,
        max_resident_adapters=places,
    )
    pool = Pool("small", section, ready_wait_seconds=wait_seconds)
    store = AdapterStore(folder / "store")
    reconciler = Reconciler({"small": pool}, store, SETTINGS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(pool.running())
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(reconciler.run())
            await until(lambda: all(engine.is_healthy for engine in pool.engines))
            try:
                yield Side(pool, reconciler, store)
            finally:
                loop.cancel()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is awaited tells nobody
            await asyncio.sleep(0.01)


async def serve(side: Side, manifest: AdapterManifest) -> str:
    """A request that pins a version, as the generator sends it; the name of its engine."""
    side.reconciler.want(manifest)
    engine = await side.pool.choose(manifest.name)
    with engine.occupied(manifest.name):
        await asyncio.sleep(0)
    return engine.name


def most_at_once(engine: StubEngine) -> int:
    loaded: set[str] = set()
    most = 0
    for call in engine.requests:
        if call.path == LOAD:
            loaded.add(call.body["lora_name"])
        if call.path == UNLOAD:
            loaded.discard(call.body["lora_name"])
        most = max(most, len(loaded))
    return most


async def test_every_adapter_is_served_by_engines_that_hold_a_few(
    tmp_path: Path, engines: list[StubEngine]
) -> None:
    async with serving(tmp_path, engines, places=2) as side:
        made = [put_version(side.store, tmp_path, seed) for seed in range(7)]
        await asyncio.gather(*(serve(side, manifest) for manifest in made))
        await asyncio.gather(*(serve(side, manifest) for manifest in made))
    assert [most_at_once(engine) for engine in engines] == [2, 2]


async def test_engines_hold_different_adapters_where_not_all_fit(
    tmp_path: Path, engines: list[StubEngine]
) -> None:
    async with serving(tmp_path, engines, places=2) as side:
        made = [put_version(side.store, tmp_path, seed) for seed in range(4)]
        side.reconciler.aim(made)
        await until(lambda: sum(len(engine.ready_adapters) for engine in side.pool.engines) == 4)
        held = [engine.ready_adapters for engine in side.pool.engines]
        assert held[0] | held[1] == {manifest.name for manifest in made}
        chosen = [await serve(side, manifest) for manifest in made]
        assert chosen == [next(e.name for e in side.pool.engines if m.name in e.ready_adapters) for m in made]


async def test_a_restarted_engine_holds_no_more_than_its_places_and_serves_all_again(
    tmp_path: Path, engines: list[StubEngine]
) -> None:
    async with serving(tmp_path, engines[:1], places=2) as side:
        made = [put_version(side.store, tmp_path, seed) for seed in range(3)]
        for manifest in made:
            await serve(side, manifest)
        await asyncio.to_thread(engines[0].stop)
        await until(lambda: not side.pool.engines[0].is_healthy)
        await asyncio.to_thread(engines[0].start)
        await until(lambda: len(side.pool.engines[0].ready_adapters) == 2)
        for manifest in made:
            await serve(side, manifest)
        assert len(engines[0].adapters) == 2


async def test_an_engine_that_fails_leaves_its_share_to_the_other(
    tmp_path: Path, engines: list[StubEngine]
) -> None:
    engines[0].always(Reply(status=500), on=LOAD)
    async with serving(tmp_path, engines, places=2) as side:
        made = [put_version(side.store, tmp_path, seed) for seed in range(4)]
        assert {await serve(side, manifest) for manifest in made} == {"small/1"}


async def test_a_bad_adapter_among_many_is_alone_in_its_failure(
    tmp_path: Path, engines: list[StubEngine]
) -> None:
    async with serving(tmp_path, engines[:1], places=2, wait_seconds=4) as side:
        made = [put_version(side.store, tmp_path, seed) for seed in range(5)]
        bad = made[2]
        engines[0].always(Reply(status=500), on=bad.name)
        results = await asyncio.gather(*(serve(side, m) for m in made), return_exceptions=True)
        assert isinstance(results[2], AdapterNotReadyError)
        assert [result for result in results if not isinstance(result, str)] == [results[2]]
        states = {status.adapter: status for status in side.reconciler.status()}
        assert states[bad.name].state in (LoadState.FAILED, LoadState.QUARANTINED)
        assert "status 500" in (states[bad.name].reason or "")


async def test_a_request_in_flight_keeps_its_adapter_and_hot_ones_stay(
    tmp_path: Path, engines: list[StubEngine]
) -> None:
    async with serving(tmp_path, engines[:1], places=3) as side:
        hot, streaming, *cold = [put_version(side.store, tmp_path, seed) for seed in range(6)]
        for _ in range(10):
            await serve(side, hot)
        side.reconciler.want(streaming)
        engine = await side.pool.choose(streaming.name)
        with engine.occupied(streaming.name):
            for manifest in cold:
                await serve(side, manifest)
            assert {hot.name, streaming.name} < engine.ready_adapters
        assert engines[0].adapters.keys() >= {hot.name, streaming.name}


async def test_unwanted_versions_stay_for_a_rollback_until_their_place_is_needed(
    tmp_path: Path, engines: list[StubEngine]
) -> None:
    async with serving(tmp_path, engines[:1], places=4) as side:
        made = [put_version(side.store, tmp_path, seed) for seed in range(6)]
        for manifest in made:
            with side.reconciler.holding(manifest):
                await side.reconciler.wait_ready(manifest)
                side.reconciler.aim([manifest])
        assert len(engines[0].adapters) == 4
        assert made[-1].name in engines[0].adapters
        assert most_at_once(engines[0]) == 4
