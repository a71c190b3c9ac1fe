"""Adapters against scripted engines: loaded, proven, healed, and never half registered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.adapters import AdapterDirectory, AdapterRegistry, AdapterStore, LoadState, Reconciler
from gateway.engines.pool import Pool
from gateway.errors import (
    AdapterNotReadyError,
    AdapterRefusedError,
    ConflictError,
    EngineUnavailableError,
    InternalError,
    ModelNotFoundError,
)
from gateway.settings import AdapterSettings, EngineSettings, PoolSettings
from gateway.state import BASE_VERSION, Channel, SqliteChannelStore
from gateway.tasks import TaskCatalog
from tests.support.peft_folder import write_peft_folder
from tests.support.stub_engine import Reply, StubEngine

MODEL = "smollm2-135m"
TASK = "invoice"
SETTINGS = AdapterSettings(reconcile_interval_seconds=0.05, load_timeout_seconds=10)


@dataclass(frozen=True)
class Side:
    """One gateway's adapters."""

    pool: Pool
    reconciler: Reconciler
    directory: AdapterDirectory
    registry: AdapterRegistry
    channels: SqliteChannelStore
    store: AdapterStore


@asynccontextmanager
async def gateway_side(
    folder: Path, *engines: StubEngine, settings: AdapterSettings = SETTINGS
) -> AsyncIterator[Side]:
    """Run what a gateway runs for its adapters, over a shared folder."""
    urls = tuple(EngineSettings(url=engine.url) for engine in engines)
    section = PoolSettings(engines=urls, models=(MODEL,), health_interval_seconds=0.05)
    pool = Pool("small", section, ready_wait_seconds=5)
    store = AdapterStore(folder / "store")
    channels = SqliteChannelStore(folder / "channels.sqlite3")
    reconciler = Reconciler({"small": pool}, store, settings)
    catalog = catalog_in(folder)
    directory = AdapterDirectory(store, channels, reconciler=reconciler, catalog=catalog)
    registry = AdapterRegistry(
        directory,
        store,
        channels=channels,
        reconciler=reconciler,
        catalog=catalog,
        pools={"small": pool},
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(channels.close)
        await stack.enter_async_context(pool.running())
        await directory.start()
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(loop) for loop in (reconciler.run(), directory.run())]
            await until(lambda: any(engine.is_healthy for engine in pool.engines) or not urls)
            try:
                yield Side(pool, reconciler, directory, registry, channels, store)
            finally:
                for loop in loops:
                    loop.cancel()


def catalog_in(folder: Path) -> TaskCatalog:
    tasks = folder / "tasks"
    tasks.mkdir(exist_ok=True)
    for name in (TASK, "ticket"):
        data = {"name": name, "description": "Reads.", "base_model": MODEL}
        (tasks / f"{name}.yaml").write_text(yaml.safe_dump(data))
    catalog = TaskCatalog(tasks, base_models=(MODEL,), check_task=lambda _: None)
    catalog.load()
    return catalog


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is awaited tells nobody
            await asyncio.sleep(0.01)


def loads(engine: StubEngine, name: str) -> int:
    return sum(
        call.path == "/v1/load_lora_adapter" and call.body["lora_name"] == name for call in engine.requests
    )


def proofs(engine: StubEngine, name: str) -> int:
    return sum(call.body["model"] == name for call in engine.generations)


async def test_registering_loads_proves_and_points(tmp_path: Path, engine: StubEngine) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine) as side:
        assert side.directory.resolve(TASK) is None
        manifest = await side.registry.register(folder, TASK)
        assert side.directory.resolve(TASK) == manifest
        assert side.pool.engines[0].ready_adapters == {manifest.name}
        assert engine.adapters == {manifest.name: str(side.store.path(manifest))}
        assert (loads(engine, manifest.name), proofs(engine, manifest.name)) == (1, 1)
        assert await side.channels.stable(TASK) == manifest.version
        [status] = side.reconciler.status()
        assert (status.adapter, status.state) == (manifest.name, LoadState.READY)


async def test_load_in_place_is_never_asked_for(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
    sent = [call.body for call in engine.requests if call.path == "/v1/load_lora_adapter"]
    assert [set(body) for body in sent] == [{"lora_name", "lora_path"}]


async def test_every_engine_must_prove_it(tmp_path: Path, engine: StubEngine) -> None:
    with StubEngine() as second:
        async with gateway_side(tmp_path, engine, second) as side:
            await until(lambda: all(e.is_healthy for e in side.pool.engines))
            manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
            assert [proofs(each, manifest.name) for each in (engine, second)] == [1, 1]


async def test_an_engine_that_refuses_is_named_and_nothing_is_registered(
    tmp_path: Path, engine: StubEngine
) -> None:
    with StubEngine() as second:
        second.always(Reply(status=500, message="CUDA error"), on="/v1/load_lora_adapter")
        async with gateway_side(tmp_path, engine, second) as side:
            await until(lambda: all(e.is_healthy for e in side.pool.engines))
            with pytest.raises(
                AdapterRefusedError, match=r"cannot be served: engine 'small/1': .*status 500"
            ):
                await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
            assert await side.channels.stable(TASK) is None
            assert side.directory.list() == ()
            assert side.directory.resolve(TASK) is None


async def test_an_adapter_that_loads_but_cannot_generate_is_not_ready(
    tmp_path: Path, engine: StubEngine
) -> None:
    engine.always(Reply(status=500), on="/v1/completions")
    async with gateway_side(tmp_path, engine) as side:
        with pytest.raises(AdapterRefusedError, match="status 500"):
            await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        assert len(engine.adapters) == 1
        assert side.pool.engines[0].ready_adapters == frozenset()


async def test_a_failed_registration_leaves_the_earlier_version_serving(
    tmp_path: Path, engine: StubEngine
) -> None:
    async with gateway_side(tmp_path, engine) as side:
        first = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        engine.always(Reply(status=500), on="/v1/load_lora_adapter")
        with pytest.raises(AdapterRefusedError):
            await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
        assert side.directory.resolve(TASK) == first
        assert first.name in side.pool.engines[0].ready_adapters


async def test_a_failure_that_passes_is_retried(tmp_path: Path, engine: StubEngine) -> None:
    engine.script(Reply(status=500), on="/v1/load_lora_adapter")
    async with gateway_side(tmp_path, engine) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        assert loads(engine, manifest.name) == 2
        assert side.directory.resolve(TASK) == manifest


async def test_a_bad_adapter_holds_up_no_other(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        good = await side.registry.register(write_peft_folder(tmp_path / "good"), TASK)
        bad = await side.registry.register(write_peft_folder(tmp_path / "bad", seed=1), "ticket")
        engine.script(*[Reply(status=500)] * 4, on=bad.name)
        await asyncio.to_thread(engine.restart)
        await until(lambda: proofs(engine, good.name) == 2)
        await until(lambda: good.name in side.pool.engines[0].ready_adapters)
        await until(lambda: any(each.failures for each in side.reconciler.status()))
        [failed] = [each for each in side.reconciler.status() if each.adapter == bad.name]
        assert "status 500" in (failed.reason or "")


async def test_a_restarted_engine_gets_its_adapters_back(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        await asyncio.to_thread(engine.stop)
        await until(lambda: not side.pool.engines[0].is_healthy)
        assert side.pool.engines[0].ready_adapters == frozenset()
        await asyncio.to_thread(engine.start)
        await until(lambda: manifest.name in side.pool.engines[0].ready_adapters)
        assert (loads(engine, manifest.name), proofs(engine, manifest.name)) == (2, 2)


async def test_an_adapter_that_the_engine_forgot_is_loaded_again(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        engine.adapters.clear()
        side.pool.engines[0].lost_adapter(manifest.name)
        await until(lambda: manifest.name in side.pool.engines[0].ready_adapters)
        assert manifest.name in engine.adapters


async def test_a_restarted_gateway_proves_without_loading_again(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
    async with gateway_side(tmp_path, engine) as side:
        await until(lambda: manifest.name in side.pool.engines[0].ready_adapters)
        assert side.directory.resolve(TASK) == manifest
        assert (loads(engine, manifest.name), proofs(engine, manifest.name)) == (1, 2)


async def test_another_gateway_follows_a_moved_channel(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as one, gateway_side(tmp_path, engine) as other:
        first = await one.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        await until(lambda: other.directory.resolve(TASK) == first)
        await until(lambda: first.name in other.pool.engines[0].ready_adapters)
        second = await other.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
        await until(lambda: one.directory.resolve(TASK) == second)


async def test_two_registrations_at_once_end_with_one_of_them_and_a_conflict(
    tmp_path: Path, engine: StubEngine
) -> None:
    folders = [write_peft_folder(tmp_path / f"f{seed}", seed=seed) for seed in range(2)]
    async with gateway_side(tmp_path, engine) as side:
        results = await asyncio.gather(
            *(side.registry.register(folder, TASK) for folder in folders), return_exceptions=True
        )
        [won] = [result for result in results if not isinstance(result, BaseException)]
        [lost] = [result for result in results if isinstance(result, BaseException)]
        assert isinstance(lost, ConflictError)
        assert side.directory.resolve(TASK) == won
        assert side.directory.list() == (won,)


async def test_the_same_folder_registered_twice_at_once_is_one_version(
    tmp_path: Path, engine: StubEngine
) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine) as side:
        one, two = await asyncio.gather(*(side.registry.register(folder, TASK) for _ in range(2)))
        assert one == two
        assert side.directory.list() == (one,)


async def test_rollback_goes_back_to_the_version_before_and_then_to_the_base_model(
    tmp_path: Path, engine: StubEngine
) -> None:
    async with gateway_side(tmp_path, engine) as side:
        with pytest.raises(ConflictError, match="never pointed"):
            await side.registry.rollback(TASK)
        first = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        second = await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
        change = await side.registry.rollback(TASK)
        assert (change.version, change.previous) == (first.version, second.version)
        assert side.directory.resolve(TASK) == first
        assert first.name in side.pool.engines[0].ready_adapters
        await side.registry.rollback(TASK)
        assert side.directory.resolve(TASK) is None
        assert await side.channels.stable(TASK) == BASE_VERSION


async def test_versions_long_unwanted_are_unloaded_and_recent_ones_kept(
    tmp_path: Path, engine: StubEngine
) -> None:
    async with gateway_side(tmp_path, engine) as side:
        made = [
            await side.registry.register(write_peft_folder(tmp_path / f"v{seed}", seed=seed), TASK)
            for seed in range(11)
        ]
        await until(lambda: len(engine.adapters) == 9)
        assert set(engine.adapters) == {manifest.name for manifest in made[2:]}
        assert side.pool.engines[0].ready_adapters == set(engine.adapters)


async def test_a_pinned_version_is_loaded_on_demand(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        old = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
    await asyncio.to_thread(engine.restart)
    async with gateway_side(tmp_path, engine) as side:
        assert side.directory.demand(old.name) == old
        await until(lambda: old.name in side.pool.engines[0].ready_adapters)
        assert side.directory.demand("invoice@000000000000") is None


async def test_files_that_were_altered_are_never_loaded(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        weights = side.store.path(manifest) / "adapter_model.safetensors"
        weights.chmod(0o644)
        weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
        await asyncio.to_thread(engine.restart)
        await until(lambda: side.reconciler.status()[0].state is LoadState.QUARANTINED)
        assert "files were altered" in (side.reconciler.status()[0].reason or "")
        assert engine.adapters == {}
    async with gateway_side(tmp_path, engine) as side:
        with pytest.raises(AdapterNotReadyError, match="missing or damaged"):
            side.directory.resolve(TASK)


async def test_bundled_adapters_are_registered_once_and_never_over_a_choice(
    tmp_path: Path, engine: StubEngine
) -> None:
    bundle = tmp_path / "bundle"
    write_peft_folder(bundle / TASK)
    write_peft_folder(bundle / "ticket", use_dora=True)
    write_peft_folder(bundle / "unknown-task")
    async with gateway_side(tmp_path, engine) as side:
        await side.registry.bundled(bundle)
        assert [manifest.task for manifest in side.directory.list()] == [TASK]
        await side.registry.rollback(TASK)
        await side.registry.bundled(bundle)
        assert side.directory.resolve(TASK) is None


class StumblingChannels:
    """A channel store that fails for one task."""

    def __init__(self, channels: SqliteChannelStore, failure: Exception) -> None:
        self._channels = channels
        self._failure = failure

    async def stable(self, task: str) -> str | None:
        if task == TASK:
            raise self._failure
        return await self._channels.stable(task)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channels, name)


@pytest.mark.parametrize(
    "failure", [InternalError("locked"), OSError("disk"), RuntimeError("defect")], ids=repr
)
async def test_a_bundled_adapter_that_fails_in_any_way_holds_up_no_other(
    tmp_path: Path, engine: StubEngine, failure: Exception
) -> None:
    bundle = tmp_path / "bundle"
    for task in (TASK, "ticket"):
        write_peft_folder(bundle / task)
    async with gateway_side(tmp_path, engine) as side:
        channels: Any = StumblingChannels(side.channels, failure)
        registry = AdapterRegistry(
            side.directory,
            side.store,
            channels=channels,
            reconciler=side.reconciler,
            catalog=catalog_in(tmp_path),
            pools={"small": side.pool},
        )
        await registry.bundled(bundle)
        assert [manifest.task for manifest in side.directory.list()] == ["ticket"]


async def test_errors_before_any_engine_is_asked(tmp_path: Path, engine: StubEngine) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine) as side:
        with pytest.raises(ModelNotFoundError, match="'none' does not exist"):
            await side.registry.register(folder, "none")
        other = write_peft_folder(tmp_path / "other", base_model_name_or_path="meta-llama/Llama-3.2-1B")
        with pytest.raises(AdapterRefusedError, match=r"trained on base model 'Llama-3\.2-1B'"):
            await side.registry.register(other, TASK)
        with pytest.raises(AdapterRefusedError, match="cannot be read as a folder"):
            await side.registry.register(tmp_path / "nowhere", TASK)
        await asyncio.to_thread(engine.stop)
        await until(lambda: not side.pool.is_ready)
        with pytest.raises(EngineUnavailableError, match="no engine of pool 'small'"):
            await side.registry.register(folder, TASK)
    assert not any(call.path == "/v1/load_lora_adapter" for call in engine.requests)


async def test_a_slow_engine_is_named_when_the_wait_ends(tmp_path: Path, engine: StubEngine) -> None:
    engine.always(Reply(pause_headers_seconds=5.0), on="/v1/load_lora_adapter")
    settings = AdapterSettings(reconcile_interval_seconds=0.05, load_timeout_seconds=0.3)
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        with pytest.raises((AdapterNotReadyError, AdapterRefusedError), match="engine 'small/0'"):
            await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        assert await side.channels.stable(TASK) is None


async def test_a_canary_is_loaded_too(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        first = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        second = await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
        await side.registry.rollback(TASK)
        await side.channels.point(TASK, Channel.CANARY, second.version, share_ratio=0.1)
    await asyncio.to_thread(engine.restart)
    async with gateway_side(tmp_path, engine) as side:
        wanted = {first.name, second.name}
        await until(lambda: side.pool.engines[0].ready_adapters == wanted)
        assert side.directory.channels(TASK).canary == second.version
