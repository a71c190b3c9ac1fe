"""The store: immutable versions by content, and nothing half done."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.adapter import AdapterManifest
from contracts.canonical import content_hash
from gateway.adapters import AdapterStore
from gateway.errors import AdapterRefusedError, InternalError
from tests.support.peft_folder import write_peft_folder
from tests.unit.gateway.adapters.stored import INSPECTION, PLAIN

NOW = datetime(2026, 1, 14, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore(tmp_path / "store", now=lambda: NOW)


def put(store: AdapterStore, folder: Path) -> tuple[AdapterManifest, bool]:
    with store.staging() as staged:
        store.stage(folder, staged)
        return store.commit(staged, INSPECTION, PLAIN, task="invoice", base_model="small")


def names_in(store: AdapterStore, tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "store").iterdir())


def test_a_version_is_named_by_the_content_hash_of_its_two_files(tmp_path: Path, store: AdapterStore) -> None:
    folder = write_peft_folder(tmp_path / "a")
    manifest, is_new = put(store, folder)
    parts = []
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        parts += [name.encode(), (folder / name).read_bytes()]
    assert manifest.digest == content_hash(*parts)
    assert is_new
    assert manifest.name == f"invoice@{manifest.digest[:12]}"
    assert manifest.created_at == NOW
    assert store.get(manifest.name) == manifest
    assert store.all() == (manifest,)


def test_the_same_folder_twice_is_one_version(tmp_path: Path, store: AdapterStore) -> None:
    folder = write_peft_folder(tmp_path / "a")
    first, _ = put(store, folder)
    (folder / "README.md").write_text("Other words, same weights.")
    assert put(store, folder) == (first, False)
    assert names_in(store, tmp_path) == [first.name]


def test_many_registrations_at_once_leave_whole_versions(tmp_path: Path, store: AdapterStore) -> None:
    folders = [write_peft_folder(tmp_path / f"f{seed}", seed=seed) for seed in range(3)] * 4
    with ThreadPoolExecutor(8) as workers:
        stored = list(workers.map(lambda folder: put(store, folder), folders))
    assert sum(is_new for _, is_new in stored) == 3
    assert names_in(store, tmp_path) == sorted({manifest.name for manifest, _ in stored})
    for manifest, _ in stored:
        store.verify(manifest)


def test_only_files_that_belong_to_an_adapter_are_kept(tmp_path: Path, store: AdapterStore) -> None:
    folder = write_peft_folder(tmp_path / "a")
    for name in (
        "README.md",
        "recipe.yaml",
        "report.json",
        "eval_report.html",
        "optimizer.pt",
        "training_args.bin",
    ):
        (folder / name).write_text("x")
    manifest, _ = put(store, folder)
    kept = {"README.md", "recipe.yaml", "report.json", "eval_report.html"}
    assert set(manifest.files) == kept | {"adapter_config.json", "adapter_model.safetensors"}
    assert {path.name for path in store.path(manifest).iterdir()} == {*manifest.files, "manifest.json"}


@pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, store: AdapterStore, missing: str) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / missing).unlink()
    with pytest.raises(AdapterRefusedError, match=f"{missing}: is missing"):
        put(store, folder)


def test_a_pickle_is_refused_and_never_opened(tmp_path: Path, store: AdapterStore) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "adapter_model.safetensors").unlink()
    os.mkfifo(folder / "adapter_model.bin")
    with pytest.raises(AdapterRefusedError, match="never loaded"):
        put(store, folder)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors", "README.md"])
def test_a_link_is_not_followed(tmp_path: Path, store: AdapterStore, name: str) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (tmp_path / "secret").write_text("secret")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "secret")
    with pytest.raises(AdapterRefusedError, match=f"{name}: cannot be opened as a plain file"):
        put(store, folder)
    assert names_in(store, tmp_path) == []


def test_a_pipe_is_refused(tmp_path: Path, store: AdapterStore) -> None:
    folder = write_peft_folder(tmp_path / "a")
    os.mkfifo(folder / "README.md")
    with pytest.raises(AdapterRefusedError, match=r"README\.md: is not a plain file"):
        put(store, folder)


def test_a_file_over_its_bound_is_refused(tmp_path: Path, store: AdapterStore) -> None:
    folder = write_peft_folder(tmp_path / "a")
    with (folder / "adapter_config.json").open("ab") as file:
        file.truncate(1024 * 1024 + 1)
    with pytest.raises(AdapterRefusedError, match=r"adapter_config\.json: is over 1048576 bytes"):
        put(store, folder)


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, store: AdapterStore) -> None:
    def write_to_a_full_disk() -> None:
        # /dev/full answers every write as a full disk does.
        with store.staging() as staged, Path("/dev/full").open("wb", buffering=0) as full:
            write_peft_folder(staged)
            full.write(b"x")

    with pytest.raises(InternalError, match="cannot be written: No space left on device"):
        write_to_a_full_disk()
    assert names_in(store, tmp_path) == []


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_altered_files_are_noticed(tmp_path: Path, store: AdapterStore, name: str) -> None:
    manifest, _ = put(store, write_peft_folder(tmp_path / "a"))
    path = store.path(manifest) / name
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(AdapterRefusedError, match="files were altered"):
        store.verify(manifest)
    assert AdapterStore(tmp_path / "store").all() == ()


def test_registering_again_mends_a_damaged_version(tmp_path: Path, store: AdapterStore) -> None:
    folder = write_peft_folder(tmp_path / "a")
    manifest, _ = put(store, folder)
    (store.path(manifest) / "adapter_model.safetensors").unlink()
    assert store.all() == ()
    assert put(store, folder) == (manifest, True)
    assert store.all() == (manifest,)
    store.verify(manifest)


def test_leftovers_are_no_versions_and_old_ones_are_cleaned(tmp_path: Path, store: AdapterStore) -> None:
    manifest, _ = put(store, write_peft_folder(tmp_path / "a"))
    old, young = (tmp_path / "store" / f".staging-{age}" for age in ("old", "young"))
    for folder in (old, young):
        write_peft_folder(folder)
    os.utime(old, (0, 0))
    assert store.all() == (manifest,)
    store.clean()
    assert names_in(store, tmp_path) == [".staging-young", manifest.name]


@pytest.mark.parametrize("name", ["../invoice@0123456789ab", "invoice", "invoice@", "invoice@../../x", ""])
def test_names_that_are_none_are_not_looked_up(store: AdapterStore, name: str) -> None:
    assert store.get(name) is None


def test_a_manifest_of_another_version_is_refused(tmp_path: Path, store: AdapterStore) -> None:
    manifest, _ = put(store, write_peft_folder(tmp_path / "a"))
    other = f"invoice@{'0' * 12}"
    store.path(manifest).rename(tmp_path / "store" / other)
    with pytest.raises(AdapterRefusedError, match=f"belongs to {manifest.name}"):
        store.get(other)
