"""What every adapter store keeps to, as a shared folder or as a URL; a new kind is one more maker."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from contracts.adapter import AdapterManifest
from contracts.task import Task
from gateway.adapters import AdapterStore, RemoteMirror
from gateway.adapters.dossiers import Retirement
from gateway.adapters.mirror import Mirror, NoMirror
from gateway.adapters.remote import RemoteLayout
from tests.support.gate_reports import report_bytes
from tests.unit.gateway.adapters.stored import put_version

TASK = Task(name="invoice", description="Reads.", base_model="small-model")
RETIREMENT = Retirement(at=datetime(2026, 1, 14, tzinfo=UTC), by="operations", reason="wrong totals")


@dataclass(frozen=True)
class Gateway:
    """One gateway's view of the shared versions, and where it publishes."""

    store: AdapterStore
    mirror: Mirror

    async def follow(self) -> None:
        if isinstance(self.mirror, RemoteMirror):
            await self.mirror.follow()

    async def publish(self, folder: Path, seed: int = 0) -> AdapterManifest:
        manifest = put_version(self.store, folder, seed)
        await self.mirror.push(manifest)
        return manifest

    async def names(self) -> list[str]:
        await self.follow()
        return [manifest.name for manifest in self.store.all()]


def gateways_of_a_folder(folder: Path) -> Callable[[str], Gateway]:
    return lambda _: Gateway(AdapterStore(folder / "store"), NoMirror())


def gateways_of(url: str, folder: Path) -> Callable[[str], Gateway]:
    def make(name: str) -> Gateway:
        store = AdapterStore(folder / name)
        return Gateway(
            store, RemoteMirror(RemoteLayout(url), store, interval_seconds=1.0, timeout_seconds=30.0)
        )

    return make


MAKERS: dict[str, Callable[[Path], Callable[[str], Gateway]]] = {
    "folder": gateways_of_a_folder,
    "file": lambda folder: gateways_of(f"file://{folder}/shared", folder),
    "memory": lambda folder: gateways_of(f"memory://adapters-{uuid.uuid4().hex}", folder),
}


@pytest.fixture(params=sorted(MAKERS))
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Gateway]]:
    """Makes gateways that share one store, each by a name."""
    make, made = MAKERS[request.param](tmp_path), []

    def remembered(name: str) -> Gateway:
        made.append(make(name))
        return made[-1]

    yield remembered
    for each in made:
        if isinstance(each.mirror, RemoteMirror):
            each.mirror.close()
    if request.param == "memory":
        fsspec.filesystem("memory").store.clear()


Make = Callable[[str], Gateway]


async def test_an_empty_store_holds_nothing(gateway: Make) -> None:
    assert await gateway("one").names() == []


async def test_a_version_is_seen_by_every_gateway_with_the_same_content(
    tmp_path: Path, gateway: Make
) -> None:
    one, other = gateway("one"), gateway("other")
    manifest = await one.publish(tmp_path)
    assert await other.names() == [manifest.name]
    assert other.store.get(manifest.name) == manifest
    other.store.verify_all(manifest)
    for name in manifest.files:
        theirs, ours = other.store.path(manifest) / name, one.store.path(manifest) / name
        assert theirs.read_bytes() == ours.read_bytes()


async def test_versions_of_many_gateways_come_together(tmp_path: Path, gateway: Make) -> None:
    sides = [gateway(name) for name in ("one", "two", "three")]
    published = [(await side.publish(tmp_path, seed)).name for seed, side in enumerate(sides)]
    for side in sides:
        assert await side.names() == sorted(published)


async def test_the_same_version_of_two_gateways_is_one(tmp_path: Path, gateway: Make) -> None:
    one, other = gateway("one"), gateway("other")
    assert (await one.publish(tmp_path)).name == (await other.publish(tmp_path)).name
    assert len(await gateway("third").names()) == 1


async def test_an_evaluation_is_seen_by_every_gateway(tmp_path: Path, gateway: Make) -> None:
    one, other = gateway("one"), gateway("other")
    manifest = await one.publish(tmp_path)
    content = report_bytes(manifest, TASK)
    evaluation = one.store.dossiers.attach(manifest.name, content)
    await one.mirror.put_evaluation(manifest.name, evaluation.sha256, content)
    await other.follow()
    found = other.store.dossiers.evaluations(manifest.name, other.store.path(manifest))
    assert found == (evaluation,)


async def test_a_retirement_is_seen_by_every_gateway_and_so_is_a_return(
    tmp_path: Path, gateway: Make
) -> None:
    one, other = gateway("one"), gateway("other")
    manifest = await one.publish(tmp_path)
    await other.follow()
    await one.mirror.retire(manifest.name, RETIREMENT)
    one.store.dossiers.retire(manifest.name, RETIREMENT)
    await other.follow()
    assert other.store.dossiers.retired({}) == {manifest.name: RETIREMENT}
    await one.mirror.revive(manifest.name)
    one.store.dossiers.revive(manifest.name)
    for side in (one, other):
        await side.follow()
        assert side.store.dossiers.retired({}) == {}


async def test_a_purged_version_does_not_come_back_and_stays_known_as_retired(
    tmp_path: Path, gateway: Make
) -> None:
    one = gateway("one")
    manifest = await one.publish(tmp_path)
    await one.mirror.retire(manifest.name, RETIREMENT)
    one.store.dossiers.retire(manifest.name, RETIREMENT)
    await one.mirror.purge(manifest.name)
    one.store.remove(manifest)
    assert await one.names() == []
    late = gateway("late")
    assert await late.names() == []
    assert late.store.dossiers.retirement(manifest.name) == RETIREMENT


async def test_a_damaged_copy_is_left_out_or_mended(tmp_path: Path, gateway: Make) -> None:
    one = gateway("one")
    manifest = await one.publish(tmp_path)
    weights = one.store.path(manifest) / "adapter_model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\7")
    fresh = Gateway(AdapterStore(one.store.path(manifest).parent), one.mirror)
    for name in await fresh.names():
        again = fresh.store.get(name)
        assert again is not None
        fresh.store.verify(again)
