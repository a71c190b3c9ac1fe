"""Adapters on scripted engines: kept loaded, healed, and unloaded when nothing names them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.adapters import LoadState
from gateway.errors import (
    AdapterNotReadyError,
)
from gateway.state import Channel
from tests.support.adapter_side import TASK, gateway_side, loads, proofs, until
from tests.support.peft_folder import write_peft_folder
from tests.support.stub_engine import Reply, StubEngine


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
