"""One engine's adapters: what is started when, and what is remembered of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from contracts.adapter import AdapterManifest
from gateway.adapters import AdapterStatus, AdapterStore, LoadState
from gateway.adapters._engine_adapters import EngineAdapters
from gateway.adapters._loads import FIRST_RETRY_SECONDS
from gateway.errors import EngineError
from gateway.settings import AdapterSettings
from tests.unit.gateway.adapters.fake_engines import FakeEngine, FakePool, FakeUses
from tests.unit.gateway.adapters.stored import put_version
from tests.unit.gateway.fakes import FakeClock

LOAD, PROVE = "/v1/load_lora_adapter", "/v1/completions"
UNLOAD, LIST = "/v1/unload_lora_adapter", "/v1/models"


class Bench:
    """One engine's adapters with everything around them in reach."""

    def __init__(self, folder: Path, places: int = 16) -> None:
        self.folder = folder
        self.store = AdapterStore(folder / "store")
        self.clock = FakeClock()
        self.engine = FakeEngine(uses=FakeUses(self.clock))
        self.pool = FakePool(engines=(self.engine,), max_resident_adapters=places)
        self.wakes = 0
        self.adapters = EngineAdapters(
            self.engine,
            self.pool,
            store=self.store,
            settings=AdapterSettings(reconcile_interval_seconds=2.0),
            clock=self.clock,
            wake=self._wake,
        )

    def _wake(self) -> None:
        self.wakes += 1

    def stored(self, seed: int = 0) -> AdapterManifest:
        return put_version(self.store, self.folder, seed)

    async def turn(self, *wanted: AdapterManifest, urgent: Mapping[str, float] | None = None) -> None:
        """Start what is due and let it end."""
        async with asyncio.TaskGroup() as group:
            self.adapters.start_due(group, {manifest.name: manifest for manifest in wanted}, urgent)

    def status(self, manifest: AdapterManifest) -> AdapterStatus:
        known = self.adapters.statuses([manifest.name])
        return next(status for status in known if status.adapter == manifest.name)


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    await bench.turn()  # the engine was asked what it has
    bench.engine.client.called.clear()
    bench.wakes = 0
    return bench


async def test_a_wanted_adapter_is_loaded_proven_and_told(bench: Bench) -> None:
    manifest = bench.stored()
    assert bench.status(manifest) == AdapterStatus("small/0", manifest.name, LoadState.WANTED)
    await bench.turn(manifest)
    assert bench.engine.client.called == [LIST, LOAD, PROVE]
    assert bench.engine.ready_adapters == {manifest.name}
    assert bench.status(manifest).state is LoadState.READY
    assert (bench.pool.woken, bench.wakes) == (1, 1)


async def test_an_engine_that_is_down_is_not_asked(bench: Bench) -> None:
    bench.engine.is_healthy = False
    await bench.turn(bench.stored())
    assert bench.engine.client.called == []


async def test_a_failure_is_remembered_and_retried_when_its_wait_is_over(bench: Bench) -> None:
    manifest = bench.stored()
    bench.engine.client.failing = {PROVE}
    await bench.turn(manifest)
    assert "status 500" in (bench.status(manifest).reason or "")
    assert bench.adapters.retry_waits() == [FIRST_RETRY_SECONDS]
    bench.engine.client.failing = set()
    await bench.turn(manifest)
    assert not bench.adapters.is_ready(manifest.name)
    bench.clock.now += FIRST_RETRY_SECONDS
    assert bench.adapters.retry_waits() == []
    await bench.turn(manifest)
    assert bench.adapters.is_ready(manifest.name)


async def test_what_is_forgotten_is_tried_at_once(bench: Bench) -> None:
    manifest = bench.stored()
    bench.engine.client.failing = {LOAD}
    await bench.turn(manifest)
    bench.engine.client.failing = set()
    bench.adapters.forget(manifest.name)
    await bench.turn(manifest)
    assert bench.adapters.is_ready(manifest.name)


async def test_what_is_under_way_is_neither_forgotten_nor_started_twice(bench: Bench) -> None:
    manifest = bench.stored()
    async with asyncio.TaskGroup() as group:
        bench.adapters.start_due(group, {manifest.name: manifest})
        bench.adapters.forget(manifest.name)
        assert bench.status(manifest).state is LoadState.LOADING
        bench.adapters.start_due(group, {manifest.name: manifest})
    assert bench.engine.client.count(LOAD) == 1


async def test_altered_files_are_never_sent(bench: Bench) -> None:
    manifest = bench.stored()
    weights = bench.store.path(manifest) / "adapter_model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    await bench.turn(manifest)
    assert bench.status(manifest).state is LoadState.QUARANTINED
    assert bench.engine.client.called == []


async def test_an_engine_that_comes_back_gets_a_first_attempt_with_everything(bench: Bench) -> None:
    manifest = bench.stored()
    bench.engine.client.failing = {LOAD}
    await bench.turn(manifest)
    bench.engine.is_healthy = False
    await bench.turn(manifest)
    bench.engine.is_healthy, bench.engine.client.failing = True, set()
    await bench.turn(manifest)
    await bench.turn(manifest)
    assert bench.adapters.is_ready(manifest.name)
    assert bench.status(manifest).failures == 0


async def test_a_failure_that_nobody_wants_any_more_is_dropped(bench: Bench) -> None:
    bench.engine.client.failing = {LOAD}
    await bench.turn(bench.stored())
    await bench.turn()
    assert bench.adapters.statuses([]) == ()


async def test_a_lost_adapter_is_noticed_by_a_check_and_loaded_again(bench: Bench) -> None:
    manifest = bench.stored()
    await bench.turn(manifest)
    bench.engine.client.loaded.clear()
    bench.clock.now += 2.0
    await bench.turn(manifest)
    assert bench.status(manifest).state is LoadState.WANTED
    await bench.turn(manifest)
    assert bench.engine.client.loaded == bench.engine.ready_adapters == {manifest.name}


@pytest.mark.parametrize("failure", [EngineError("500"), RuntimeError("a defect")], ids=repr)
async def test_checks_keep_to_the_interval_and_a_failed_one_takes_nothing_away(
    bench: Bench, failure: Exception
) -> None:
    bench.engine.client.failure = failure
    manifest = bench.stored()
    await bench.turn(manifest)
    bench.engine.client.failing = {LIST}
    await bench.turn(manifest)
    asked = bench.engine.client.count(LIST)
    await bench.turn(manifest)
    assert bench.engine.client.count(LIST) == asked
    bench.clock.now += 2.0
    await bench.turn(manifest)
    assert bench.engine.client.count(LIST) == asked + 1
    assert bench.adapters.is_ready(manifest.name)
