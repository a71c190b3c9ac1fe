"""Retired versions on an engine: gone once their last request is done, and no request brings them back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from contracts.adapter import AdapterManifest
from gateway.adapters._residency import MIN_RESIDENT_SECONDS
from gateway.adapters._wishes import Wishes
from gateway.errors import EngineError
from tests.unit.gateway.adapters.test_engine_adapters import UNLOAD, Bench


async def loaded(folder: Path) -> tuple[Bench, AdapterManifest]:
    bench = Bench(folder, 2)
    await bench.turn()
    manifest = bench.stored(0)
    await bench.turn(manifest)
    bench.clock.now += MIN_RESIDENT_SECONDS
    return bench, manifest


async def expelled(bench: Bench, *manifests: AdapterManifest) -> None:
    async with asyncio.TaskGroup() as group:
        bench.adapters.expel(group, [manifest.name for manifest in manifests])


async def test_a_retired_version_is_unloaded(tmp_path: Path) -> None:
    bench, manifest = await loaded(tmp_path)
    await expelled(bench, manifest)
    assert bench.engine.ready_adapters == frozenset()
    assert manifest.name not in bench.engine.client.loaded


async def test_it_takes_no_new_requests_and_keeps_its_last_one(tmp_path: Path) -> None:
    bench, manifest = await loaded(tmp_path)
    bench.engine.uses.flying[manifest.name] = 1
    async with asyncio.TaskGroup() as group:
        bench.adapters.expel(group, [manifest.name])
        await asyncio.sleep(0)
        assert bench.engine.ready_adapters == frozenset()
        assert manifest.name in bench.engine.client.loaded
        bench.engine.uses.flying[manifest.name] = 0
    assert manifest.name not in bench.engine.client.loaded


async def test_one_that_the_engine_does_not_let_go_is_not_asked_for_at_once(tmp_path: Path) -> None:
    bench, manifest = await loaded(tmp_path)
    bench.engine.client.failing, bench.engine.client.failure = {UNLOAD}, EngineError("500")
    for _ in range(3):
        await expelled(bench, manifest)
    assert bench.engine.client.count(UNLOAD) == 1
    bench.clock.now += MIN_RESIDENT_SECONDS
    bench.engine.client.failing = set()
    await expelled(bench, manifest)
    assert manifest.name not in bench.engine.client.loaded


async def test_names_that_the_engine_does_not_have_are_nothing_to_do(tmp_path: Path) -> None:
    bench, _ = await loaded(tmp_path)
    await expelled(bench, bench.stored(1))
    assert bench.engine.client.count(UNLOAD) == 0


def test_what_is_withdrawn_is_wanted_by_channels_and_registrations_alone(tmp_path: Path) -> None:
    wishes, manifest = Wishes(), Bench(tmp_path, 1).stored(0)
    wishes.demand(manifest)
    assert wishes.withdraw([manifest.name])
    assert not wishes.withdraw([manifest.name])
    assert wishes.of([manifest.base_model]) == {}
    assert wishes.unwelcome({}) == [manifest.name]
    wishes.hold(manifest)
    assert wishes.unwelcome(wishes.of([manifest.base_model])) == []
