"""What requests are told of adapters: from the last view, and never by waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from gateway.adapters import AdapterDirectory, AdapterStore, Reconciler
from gateway.errors import AdapterNotReadyError
from gateway.settings import AdapterSettings
from gateway.state import BASE_VERSION, Channel, Channels, SqliteChannelStore
from gateway.tasks import TaskCatalog
from tests.unit.gateway.adapters.fake_engines import FakeEngine, FakePool
from tests.unit.gateway.adapters.stored import put_version

TASK = "invoice"


class Bench:
    """A directory with everything around it in reach."""

    def __init__(self, folder: Path, base_model: str = "small-model") -> None:
        self.folder = folder
        self.store = AdapterStore(folder / "store")
        self.channels = SqliteChannelStore(folder / "channels.sqlite3")
        self.reconciler = Reconciler(
            {"small": FakePool(engines=(FakeEngine(),))}, self.store, AdapterSettings()
        )
        self.directory = self.directory_for(base_model)

    def directory_for(self, base_model: str) -> AdapterDirectory:
        """A directory over a catalog whose one task has this base model."""
        tasks = self.folder / "tasks"
        tasks.mkdir(exist_ok=True)
        data = {"name": TASK, "description": "Reads.", "base_model": base_model}
        (tasks / "invoice.yaml").write_text(yaml.safe_dump(data))
        catalog = TaskCatalog(tasks, base_models=(base_model,), check_task=lambda _: None)
        catalog.load()
        return AdapterDirectory(self.store, self.channels, reconciler=self.reconciler, catalog=catalog)

    def wanted(self) -> set[str]:
        return {status.adapter for status in self.reconciler.status()}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    await bench.channels.close()


async def test_nothing_is_known_before_the_first_look(bench: Bench) -> None:
    manifest = put_version(bench.store, bench.folder)
    await bench.channels.point(TASK, Channel.STABLE, manifest.version)
    assert bench.directory.resolve(TASK) is None
    assert bench.directory.list() == ()
    assert bench.directory.channels(TASK) == Channels()


async def test_the_stable_channel_names_the_version_and_the_engines_are_aimed_at_it(bench: Bench) -> None:
    manifest = put_version(bench.store, bench.folder)
    await bench.channels.point(TASK, Channel.STABLE, manifest.version)
    await bench.directory.start()
    assert bench.directory.resolve(TASK) == bench.directory.get(manifest.name) == manifest
    assert bench.wanted() == {manifest.name}


async def test_the_view_is_of_the_last_refresh(bench: Bench) -> None:
    manifest = put_version(bench.store, bench.folder)
    await bench.channels.point(TASK, Channel.STABLE, manifest.version)
    await bench.directory.start()
    await bench.channels.point(TASK, Channel.STABLE, BASE_VERSION)
    assert bench.directory.resolve(TASK) == manifest
    await bench.directory.refresh()
    assert bench.directory.resolve(TASK) is None
    assert bench.wanted() == set()


async def test_a_channel_that_names_what_the_store_lacks_is_not_ready(bench: Bench) -> None:
    await bench.channels.point(TASK, Channel.STABLE, "0" * 12)
    await bench.directory.start()
    with pytest.raises(AdapterNotReadyError, match="missing or damaged"):
        bench.directory.resolve(TASK)


async def test_a_version_of_another_base_model_is_never_served(bench: Bench) -> None:
    manifest = put_version(bench.store, bench.folder)
    await bench.channels.point(TASK, Channel.STABLE, manifest.version)
    directory = bench.directory_for("another-model")
    await directory.start()
    with pytest.raises(AdapterNotReadyError, match="now served by 'another-model'"):
        directory.resolve(TASK)


async def test_only_a_version_that_is_pinned_is_asked_of_the_engines(bench: Bench) -> None:
    named, pinned = (put_version(bench.store, bench.folder, seed) for seed in range(2))
    await bench.channels.point(TASK, Channel.STABLE, named.version)
    await bench.directory.start()
    assert bench.directory.get(pinned.name) == pinned
    assert bench.wanted() == {named.name}
    assert bench.directory.demand(pinned.name) == pinned
    assert bench.wanted() == {named.name, pinned.name}
    assert bench.directory.demand(f"{TASK}@{'0' * 12}") is None
