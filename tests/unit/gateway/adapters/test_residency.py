"""More adapters than an engine holds: who is loaded, who leaves, and what the engine keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.adapters import LoadState
from gateway.adapters._engine_adapters import LOADS_AT_ONCE
from gateway.adapters._residency import IDLE_SECONDS, MIN_RESIDENT_SECONDS, PATIENCE_SECONDS
from gateway.errors import EngineError
from tests.unit.gateway.adapters.test_engine_adapters import LIST, LOAD, PROVE, UNLOAD, Bench


async def full_bench(folder: Path, places: int) -> Bench:
    """An engine with versions 0, 1, ... in all its places, rested."""
    bench = Bench(folder, places)
    await bench.turn()
    made = [bench.stored(seed) for seed in range(places)]
    for _ in range(places // LOADS_AT_ONCE + 1):
        await bench.turn(*made)
    assert len(bench.engine.ready_adapters) == places
    bench.clock.now += MIN_RESIDENT_SECONDS
    bench.engine.client.called.clear()
    return bench


async def test_what_does_not_fit_waits_and_nothing_wanted_leaves_for_it(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 2)
    wanted = [bench.stored(seed) for seed in range(3)]
    await bench.turn(*wanted)
    assert bench.engine.client.count(LOAD) == bench.engine.client.count(UNLOAD) == 0
    assert bench.status(wanted[2]).state is LoadState.WANTED
    assert not bench.adapters.is_short


async def test_an_urgent_one_takes_the_place_of_the_coldest(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 3)
    wanted = [bench.stored(seed) for seed in range(4)]
    for seed, uses in enumerate((3, 1, 2)):
        for _ in range(uses):
            bench.engine.uses.note(wanted[seed].name)
    bench.clock.now += IDLE_SECONDS
    for _ in range(2):
        await bench.turn(*wanted, urgent={wanted[3].name: bench.clock.now})
    assert bench.engine.ready_adapters == {wanted[seed].name for seed in (0, 2, 3)}
    assert bench.engine.client.most == 3


async def test_unwanted_versions_stay_until_their_place_is_needed_and_go_first(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 2)
    first, second, third = (bench.stored(seed) for seed in range(3))
    for _ in range(5):
        bench.engine.uses.note(first.name)
    await bench.turn(second)
    assert bench.engine.ready_adapters == {first.name, second.name}
    bench.clock.now += IDLE_SECONDS
    for _ in range(2):
        await bench.turn(second, third)
    assert bench.engine.ready_adapters == {second.name, third.name}


async def test_an_adapter_in_use_is_drained_only_for_one_that_has_waited_long(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 1)
    busy, cold = bench.stored(0), bench.stored(1)
    since = bench.clock.now
    bench.engine.uses.flying[busy.name] = bench.engine.client.flying[busy.name] = 1
    await bench.turn(busy, cold, urgent={cold.name: since})
    assert bench.adapters.is_short
    assert bench.engine.ready_adapters == {busy.name}
    bench.clock.now += PATIENCE_SECONDS
    async with asyncio.TaskGroup() as group:
        bench.adapters.start_due(group, {m.name: m for m in (busy, cold)}, {cold.name: since})
        assert bench.engine.ready_adapters == frozenset()
        assert bench.status(busy).state is LoadState.LEAVING
        await asyncio.sleep(0)
        assert bench.engine.client.count(UNLOAD) == 0
        bench.engine.uses.flying[busy.name] = bench.engine.client.flying[busy.name] = 0
    await bench.turn(busy, cold, urgent={cold.name: since})
    assert bench.engine.ready_adapters == {cold.name}
    assert bench.engine.client.busy_unloads == []


async def test_adapters_in_use_are_drained_one_at_a_time(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 3)
    made = [bench.stored(seed) for seed in range(5)]
    for seed, uses in enumerate((9, 1, 9)):
        for _ in range(uses):
            bench.engine.uses.note(made[seed].name)
        bench.engine.uses.flying[made[seed].name] = 1
    urgent = dict.fromkeys((made[3].name, made[4].name), bench.clock.now - PATIENCE_SECONDS)
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            bench.adapters.start_due(group, {m.name: m for m in made}, urgent)
            assert bench.engine.ready_adapters == {made[0].name, made[2].name}
        bench.engine.uses.flying.clear()


async def test_one_that_was_just_proven_is_left_alone(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 1)
    one, other = bench.stored(0), bench.stored(1)
    for _ in range(2):
        await bench.turn(one, other, urgent={other.name: 0.0})
    assert bench.engine.ready_adapters == {other.name}
    await bench.turn(one, other, urgent={one.name: 0.0})
    assert bench.engine.ready_adapters == {other.name}
    bench.clock.now += MIN_RESIDENT_SECONDS
    for _ in range(2):
        await bench.turn(one, other, urgent={one.name: 0.0})
    assert bench.engine.ready_adapters == {one.name}


async def test_no_more_leave_than_are_to_come(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 4)
    wanted = [bench.stored(seed) for seed in range(5)]
    urgent = {wanted[4].name: bench.clock.now}
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            bench.adapters.start_due(group, {m.name: m for m in wanted}, urgent)
    assert bench.engine.client.count(UNLOAD) == 1


async def test_a_bad_adapter_costs_one_place_once(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 3)
    wanted = [bench.stored(seed) for seed in range(4)]
    bench.engine.client.failing = {LOAD}
    for _ in range(6):
        await bench.turn(*wanted[1:], urgent={wanted[3].name: bench.clock.now})
        bench.clock.now += 60.0
    assert bench.status(wanted[3]).failures >= 4
    assert bench.engine.client.count(UNLOAD) == 1
    assert bench.engine.ready_adapters == {wanted[1].name, wanted[2].name}


async def test_what_an_earlier_process_left_counts_and_makes_room(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    bench.engine.client.loaded = {"invoice@aaaaaaaaaaaa", "invoice@bbbbbbbbbbbb", "small-model"}
    bench.engine.client.most = 2
    new = bench.stored()
    for _ in range(3):
        await bench.turn(new)
    assert len(bench.engine.client.loaded) == 3
    assert {new.name, "small-model"} < bench.engine.client.loaded
    left = [status for status in bench.adapters.statuses([]) if status.adapter != new.name]
    assert [status.state for status in left] == [LoadState.LOADED]


async def test_a_leftover_that_is_wanted_is_proven_and_not_loaded_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    manifest = bench.stored()
    bench.engine.client.loaded = {manifest.name}
    for _ in range(2):
        await bench.turn(manifest)
    assert bench.engine.client.called == [LIST, LIST, PROVE]
    assert bench.engine.ready_adapters == {manifest.name}


@pytest.mark.parametrize("failure", [EngineError("500"), RuntimeError("a defect")], ids=repr)
async def test_a_version_that_cannot_be_unloaded_is_out_of_the_routing_and_goes_on_counting(
    tmp_path: Path, failure: Exception
) -> None:
    bench = await full_bench(tmp_path, 1)
    stuck, new = bench.stored(0), bench.stored(1)
    bench.engine.client.failing, bench.engine.client.failure = {UNLOAD}, failure
    await bench.turn(new)
    assert not bench.adapters.is_ready(stuck.name)
    assert stuck.name in bench.engine.client.loaded
    bench.engine.client.failing = set()
    for _ in range(4):
        bench.clock.now += 5.0
        await bench.turn(new)
    assert bench.engine.client.loaded == {new.name}


async def test_an_idle_adapter_is_touched_before_the_engine_would_drop_it(tmp_path: Path) -> None:
    bench = await full_bench(tmp_path, 3)
    client = bench.engine.client
    client.places = 3
    made = [bench.stored(seed) for seed in range(5)]
    bench.clock.now += 1.0
    bench.engine.uses.note(made[2].name)
    client.use(made[2].name)
    bench.clock.now += 1.0
    # The last one is unwanted, so it goes, though the engine used both others longer ago.
    for _ in range(2):
        await bench.turn(*made[:2], made[3])
    assert bench.engine.ready_adapters == {made[seed].name for seed in (0, 1, 3)}
    for seed in (0, 1, 3):
        client.use(made[seed].name)
    assert client.reread == []
    assert client.generated[-3:] == [made[seed].name for seed in (0, 1, 3)]
