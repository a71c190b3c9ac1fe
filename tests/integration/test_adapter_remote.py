"""Gateways that share a remote adapter store, each with a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.errors import AdapterNotReadyError, RemoteStoreError
from gateway.settings import AdapterSettings
from tests.support.adapter_side import OPEN, TASK, gateway_side, until
from tests.support.peft_folder import write_peft_folder
from tests.support.stub_engine import StubEngine


def remote_settings(folder: Path, **changes: object) -> AdapterSettings:
    return OPEN.model_copy(
        update={"store": f"file://{folder}/shared", "remote_interval_seconds": 0.05, **changes}
    )


async def test_what_one_gateway_registers_another_fetches_and_serves(
    tmp_path: Path, engine: StubEngine
) -> None:
    settings = remote_settings(tmp_path)
    with StubEngine() as second:
        async with (
            gateway_side(tmp_path, engine, settings=settings, home="one") as one,
            gateway_side(tmp_path, second, settings=settings, home="other") as other,
        ):
            manifest = await one.registry.register(write_peft_folder(tmp_path / "a"), TASK)
            await until(lambda: other.directory.get(manifest.name) is not None)
            assert other.directory.demand(manifest.name) == manifest
            await until(lambda: manifest.name in other.pool.engines[0].ready_adapters)
            assert second.adapters == {manifest.name: str(other.store.path(manifest))}


async def test_a_version_that_a_channel_names_is_fetched_at_once(tmp_path: Path, engine: StubEngine) -> None:
    settings = remote_settings(tmp_path, remote_interval_seconds=3000.0)
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
    shutil.rmtree(tmp_path / "home" / "adapters")
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        await until(lambda: side.directory.get(manifest.name) is not None)
        assert side.directory.resolve(TASK) == manifest


async def test_a_remote_store_that_is_down_stops_registrations_and_nothing_else(
    tmp_path: Path, engine: StubEngine
) -> None:
    settings = remote_settings(tmp_path)
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        first = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
    # A file where the folder was fails every call, as an unmounted volume or a dead network does.
    shutil.rmtree(tmp_path / "shared")
    (tmp_path / "shared").write_text("gone")
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        with pytest.raises(RemoteStoreError, match="the remote adapter store failed"):
            await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
        assert side.directory.list() == (first,)
        assert side.directory.resolve(TASK) == first
        assert await side.channels.stable(TASK) == first.version
        await until(lambda: first.name in side.pool.engines[0].ready_adapters)
        await side.registry.rollback(TASK)
        await side.registry.promote(first.name)
        assert side.directory.resolve(TASK) == first


async def test_a_remote_store_that_comes_back_is_followed_again(tmp_path: Path, engine: StubEngine) -> None:
    settings = remote_settings(tmp_path)
    (tmp_path / "shared").write_text("gone")
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        with pytest.raises(RemoteStoreError):
            await side.registry.register(folder, TASK)
        (tmp_path / "shared").unlink()
        manifest = await side.registry.register(folder, TASK)
        assert side.directory.resolve(TASK) == manifest
        assert (tmp_path / "shared" / manifest.name / "manifest.json").is_file()


async def test_without_its_files_a_channel_waits_and_says_so(tmp_path: Path, engine: StubEngine) -> None:
    settings = remote_settings(tmp_path)
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
    for name in ("shared", "home/adapters"):
        shutil.rmtree(tmp_path / name)
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        with pytest.raises(AdapterNotReadyError, match="are missing or damaged"):
            side.directory.resolve(TASK)
