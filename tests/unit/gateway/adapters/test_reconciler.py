"""The loop over all engines, and what a registration that waits for it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from gateway.adapters import AdapterStore, LoadState, Reconciler
from gateway.errors import AdapterNotReadyError, AdapterRefusedError, EngineUnavailableError
from gateway.settings import AdapterSettings, PoolKind
from tests.unit.gateway.adapters.fake_engines import FakeEngine, FakePool
from tests.unit.gateway.adapters.stored import put_version

PATIENT = AdapterSettings(load_timeout_seconds=60)
HASTY = AdapterSettings(load_timeout_seconds=0.01)


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore(tmp_path / "store")


@asynccontextmanager
async def running(reconciler: Reconciler) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(reconciler.run())
        yield
        loop.cancel()


async def test_each_healthy_engine_proves_what_is_held(store: AdapterStore, tmp_path: Path) -> None:
    engines = [FakeEngine("small/0"), FakeEngine("small/1"), FakeEngine("small/2", is_healthy=False)]
    reconciler = Reconciler({"small": FakePool(engines)}, store, PATIENT)
    manifest = put_version(store, tmp_path)
    async with running(reconciler):
        with reconciler.holding(manifest):
            await reconciler.wait_ready(manifest)
            states = [(status.engine, status.state) for status in reconciler.status()]
    ready, wanted = LoadState.READY, LoadState.WANTED
    assert states == [("small/0", ready), ("small/1", ready), ("small/2", wanted)]


async def test_a_failure_on_one_engine_ends_the_wait_with_its_name(
    store: AdapterStore, tmp_path: Path
) -> None:
    good, bad = FakeEngine("small/0"), FakeEngine("small/1")
    bad.client.failing = {"/v1/completions"}
    # Each look at the clock finds a second gone: a retry is due at once.
    reconciler = Reconciler({"small": FakePool([good, bad])}, store, PATIENT, clock=count(0.0, 1.0).__next__)
    manifest = put_version(store, tmp_path)
    async with running(reconciler):
        with reconciler.holding(manifest), pytest.raises(AdapterRefusedError) as refused:
            await reconciler.wait_ready(manifest)
    assert "engine 'small/1': status 500" in refused.value.message
    assert "small/0" not in refused.value.message


async def test_an_engine_that_is_late_is_named(store: AdapterStore, tmp_path: Path) -> None:
    reconciler = Reconciler({"small": FakePool([FakeEngine()])}, store, HASTY)
    with pytest.raises(AdapterNotReadyError, match=r"not ready in 0\.01 s: engine 'small/0': wanted"):
        await reconciler.wait_ready(put_version(store, tmp_path))


async def test_without_a_healthy_engine_nothing_is_proven(store: AdapterStore, tmp_path: Path) -> None:
    reconciler = Reconciler({"small": FakePool([FakeEngine(is_healthy=False)])}, store, HASTY)
    with pytest.raises(EngineUnavailableError, match="no engine of pool 'small'"):
        await reconciler.wait_ready(put_version(store, tmp_path))


@pytest.mark.parametrize(
    "pool", [FakePool(models=("other-model",)), FakePool(kind=PoolKind.OPENAI)], ids=["other", "upstream"]
)
async def test_a_pool_that_does_not_load_for_the_base_model_is_none(
    store: AdapterStore, tmp_path: Path, pool: FakePool
) -> None:
    reconciler = Reconciler({"small": pool}, store, PATIENT)
    with pytest.raises(AdapterRefusedError, match="no pool that loads adapters"):
        await reconciler.wait_ready(put_version(store, tmp_path))
