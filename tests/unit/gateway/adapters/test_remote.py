"""The remote layout and its mirror: whole or unseen, and never in the way of what is local."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.adapter import AdapterManifest
from contracts.task import Task
from gateway.adapters import AdapterStore, RemoteMirror
from gateway.adapters.remote import RemoteLayout
from gateway.errors import RemoteStoreError
from tests.support.gate_reports import report_bytes
from tests.unit.gateway.adapters.stored import put_version


class Bench:
    """A gateway that publishes into a folder, and one that follows it by a clock of the test's."""

    def __init__(self, folder: Path, layout: RemoteLayout | None = None) -> None:
        self.folder = folder
        self.remote = folder / "shared"
        self.layout = layout or RemoteLayout(f"file://{self.remote}")
        self.now = 0.0
        self.publisher = AdapterStore(folder / "publisher")
        self.follower = AdapterStore(folder / "follower")
        self.mirror = RemoteMirror(
            self.layout, self.follower, interval_seconds=10, timeout_seconds=5, clock=lambda: self.now
        )

    def publish(self, seed: int = 0) -> AdapterManifest:
        manifest = put_version(self.publisher, self.folder, seed)
        self.layout.push(self.publisher.path(manifest), manifest)
        return manifest

    async def followed(self) -> list[str]:
        await self.mirror.follow()
        return [manifest.name for manifest in self.follower.all()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.mirror.close()


async def test_an_upload_cut_anywhere_is_never_seen(bench: Bench) -> None:
    manifest = bench.publish()
    files = sorted(path for path in bench.remote.rglob("*") if path.is_file())
    kept = {path: path.read_bytes() for path in files}
    whole = bench.remote / manifest.name / "manifest.json"
    assert len(kept) == 3
    whole.unlink()
    for path, content in kept.items():
        if path != whole:
            path.write_bytes(content[: len(content) // 2])
        assert await bench.followed() == []
    bench.publish()
    assert await bench.followed() == [manifest.name]


async def test_a_manifest_that_is_half_written_is_taken_once_it_is_whole(bench: Bench) -> None:
    manifest = bench.publish()
    path = bench.remote / manifest.name / "manifest.json"
    content = path.read_bytes()
    path.write_bytes(content[:50])
    assert await bench.followed() == []
    path.write_bytes(content)
    assert await bench.followed() == []
    bench.now += 11
    assert await bench.followed() == [manifest.name]


@pytest.mark.parametrize("change", [b"\7", b""])
async def test_a_file_that_is_not_what_the_manifest_says_is_refused(bench: Bench, change: bytes) -> None:
    manifest = bench.publish()
    sha256 = str(manifest.files["adapter_model.safetensors"].sha256)
    path = bench.remote / manifest.name / "files" / sha256
    path.write_bytes(path.read_bytes()[:-1] + change)
    assert await bench.followed() == []
    assert list((bench.folder / "follower").iterdir()) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"adapter_config.json"', b'"../../../evil.json"'),
        (b'"adapter_config.json"', b'"optimizer.pt"'),
        (b'"task": "invoice"', b'"task": "ticket"'),
    ],
)
async def test_a_manifest_that_leads_elsewhere_is_refused(bench: Bench, before: bytes, after: bytes) -> None:
    manifest = bench.publish()
    path = bench.remote / manifest.name / "manifest.json"
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    assert await bench.followed() == []
    assert not list(bench.folder.rglob("evil.json"))


async def test_what_is_there_already_is_not_sent_again(bench: Bench) -> None:
    manifest = bench.publish()
    folder = bench.publisher.path(manifest)
    sent = {path: path.stat().st_mtime_ns for path in (bench.remote / manifest.name / "files").iterdir()}
    assert bench.layout.push(folder, manifest) is False
    assert {path: path.stat().st_mtime_ns for path in sent} == sent


async def test_other_files_in_the_store_are_passed_over(bench: Bench) -> None:
    manifest = bench.publish()
    (bench.remote / "README.txt").write_text("Adapters of the shop.")
    (bench.remote / "no-version").mkdir()
    (bench.remote / "no-version" / "manifest.json").write_text("{}")
    assert await bench.followed() == [manifest.name]


async def test_one_damaged_report_or_retirement_holds_up_no_other(bench: Bench) -> None:
    first, second = bench.publish(0), bench.publish(1)
    (bench.remote / first.name / "evaluations").mkdir()
    (bench.remote / first.name / "evaluations" / f"{'0' * 64}.json").write_text("{")
    (bench.remote / second.name / "retired.json").write_text("{")
    good = report_bytes(first, Task(name="invoice", description="Reads.", base_model="small-model"))
    sha256 = hashlib.sha256(good).hexdigest()
    bench.layout.put_evaluation(first.name, sha256, good)
    assert await bench.followed() == [first.name]
    assert bench.follower.dossiers.attached(first.name) == (sha256,)
    assert bench.follower.dossiers.retired({}) == {}


class DeadLayout(RemoteLayout):
    """A store that fails as a network does, with a secret in its message."""

    def _find(self, folder: str) -> dict[str, int]:
        raise ConnectionError(f"https://key:secret@store.example/{folder}")


async def test_a_store_that_is_down_is_one_error_without_its_words(tmp_path: Path) -> None:
    bench = Bench(tmp_path, DeadLayout(f"file://{tmp_path}/shared"))
    manifest = put_version(bench.follower, tmp_path)
    with pytest.raises(RemoteStoreError, match=r"the remote adapter store failed: ConnectionError$"):
        await bench.mirror.follow()
    with pytest.raises(RemoteStoreError):
        await bench.mirror.push(manifest)
    assert bench.follower.all() == (manifest,)
    bench.mirror.close()


class HangingLayout(RemoteLayout):
    """A store that does not answer until it is let go."""

    release = threading.Event()

    def _find(self, folder: str) -> dict[str, int]:
        self.release.wait(20)
        return {}


async def test_a_store_that_hangs_is_given_up_and_holds_up_nothing_local(tmp_path: Path) -> None:
    layout = HangingLayout(f"file://{tmp_path}/shared")
    store = AdapterStore(tmp_path / "store")
    mirror = RemoteMirror(layout, store, interval_seconds=1, timeout_seconds=0.05)
    manifest = put_version(store, tmp_path)
    for _ in range(4):
        with pytest.raises(RemoteStoreError, match=r"did not answer within 0\.05 s"):
            await mirror.follow()
    assert store.all() == (manifest,)
    layout.release.set()
    mirror.close()


def test_a_url_whose_library_is_missing_says_so() -> None:
    with pytest.raises(ValueError, match=r"adapters\.store: nosuch:// cannot be used here"):
        RemoteLayout("nosuch://bucket/adapters")
