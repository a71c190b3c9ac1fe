"""The layout of the adapter store on any fsspec URL, and what is read from it and written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import fsspec
from pydantic import ValidationError

from contracts.adapter import AdapterManifest
from contracts.artifact import stored_files
from gateway.adapters.dossiers import MAX_REPORT_BYTES, MAX_RETIREMENT_BYTES, Retirement
from gateway.adapters.staging import bound_of
from gateway.adapters.store import ADAPTER_NAME, MANIFEST_FILE, MAX_MANIFEST_BYTES
from gateway.errors import AdapterRefusedError

_FILES: Final = "files"
_EVALUATIONS: Final = "evaluations"
_RETIRED_FILE: Final = "retired.json"
_CHUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RemoteListing:
    """What the remote store holds: whole versions, the reports on each by SHA-256, and what is retired."""

    versions: frozenset[str] = frozenset()
    evaluations: Mapping[str, frozenset[str]] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()


class RemoteLayout:
    """Under `<name>/`: `files/<sha256>`, then `manifest.json`; `evaluations/<sha256>.json`; `retired.json`.

    The manifest is written last, so that a version is seen whole or not at all, and files are named by their
    content, so that two uploads of one version never mix. Methods block and raise whatever the file system
    raises; they hold no credentials, which its library finds in the environment.
    """

    def __init__(self, url: str) -> None:
        """Raises ValueError where the library for this kind of URL is not installed."""
        scheme = url.partition("://")[0]
        options = {"auto_mkdir": True} if scheme in ("file", "local") else {}
        try:
            self._fs, root = fsspec.core.url_to_fs(url, **options)
        except (ImportError, ValueError) as error:
            raise ValueError(
                f"adapters.store: {scheme}:// cannot be used here: {error}; install fsspec's library for it"
            ) from error
        self._root = str(root).rstrip("/")

    def listing(self) -> RemoteListing:
        """Everything there is, in one walk."""
        self._fs.invalidate_cache()
        versions, retired = set(), set()
        evaluations: dict[str, set[str]] = {}
        for path in self._find(self._root):
            name, _, rest = path.removeprefix(self._root).lstrip("/").partition("/")
            if not ADAPTER_NAME.fullmatch(name):
                continue
            if rest == MANIFEST_FILE:
                versions.add(name)
            elif rest == _RETIRED_FILE:
                retired.add(name)
            elif rest.startswith(f"{_EVALUATIONS}/"):
                evaluations.setdefault(name, set()).add(rest.rpartition("/")[2].removesuffix(".json"))
        found = {name: frozenset(hashes) for name, hashes in evaluations.items()}
        return RemoteListing(frozenset(versions), found, frozenset(retired))

    def push(self, folder: Path, manifest: AdapterManifest) -> bool:
        """Upload what is not there yet of a version, its manifest last; False where it was there before."""
        # A manifest of schema version 1 has no hashes, which name the files here.
        known = all(file.sha256 for file in manifest.files.values())
        files = manifest.files if known else stored_files(folder, tuple(manifest.files))
        there = self._find(self._path(manifest.name))
        is_new = self._path(manifest.name, MANIFEST_FILE) not in there
        for name, file in files.items():
            target = self._path(manifest.name, _FILES, str(file.sha256))
            if there.get(target) != file.bytes:
                self._fs.put_file(str(folder / name), target)
        written = manifest.model_copy(update={"schema_version": 2, "files": files})
        self._fs.pipe_file(
            self._path(manifest.name, MANIFEST_FILE), written.model_dump_json(indent=2).encode()
        )
        return is_new

    def pull(self, name: str, staged: Path) -> AdapterManifest:
        """Download a version's files into an empty folder; the caller compares them with the manifest.

        Raises:
            AdapterRefusedError: its manifest is damaged, or names a file that no version has.
        """
        try:
            manifest = AdapterManifest.model_validate_json(
                self._read(self._path(name, MANIFEST_FILE), MAX_MANIFEST_BYTES)
            )
        except ValidationError as error:
            raise AdapterRefusedError(f"{name}: its manifest in the remote store is damaged") from error
        if manifest.name != name:
            raise AdapterRefusedError(f"{name}: its manifest in the remote store belongs to {manifest.name}")
        for file, stated in manifest.files.items():
            bound = bound_of(file)
            if bound is None or stated.bytes > bound or stated.sha256 is None:
                raise AdapterRefusedError(
                    f"{name}: the remote store holds {file[:100]!r}, which no version has"
                )
            with (staged / file).open("xb") as target:
                self._copy(self._path(name, _FILES, stated.sha256), target, stated.bytes)
        return manifest

    def put_evaluation(self, name: str, sha256: str, content: bytes) -> None:
        """Add a report on a version."""
        self._fs.pipe_file(self._path(name, _EVALUATIONS, f"{sha256}.json"), content)

    def evaluation(self, name: str, sha256: str) -> bytes:
        """One report."""
        return self._read(self._path(name, _EVALUATIONS, f"{sha256}.json"), MAX_REPORT_BYTES)

    def retire(self, name: str, retirement: Retirement) -> None:
        """Note that a version is out of service."""
        self._fs.pipe_file(self._path(name, _RETIRED_FILE), retirement.model_dump_json().encode())

    def retirement(self, name: str) -> Retirement | None:
        """When and why a version was retired; None where it is not. Raises AdapterRefusedError."""
        try:
            content = self._read(self._path(name, _RETIRED_FILE), MAX_RETIREMENT_BYTES)
        except FileNotFoundError:
            return None
        try:
            return Retirement.model_validate_json(content)
        except ValidationError as error:
            raise AdapterRefusedError(f"{name}: its retirement in the remote store is damaged") from error

    def revive(self, name: str) -> None:
        """Take a retirement back."""
        if self._fs.exists(self._path(name, _RETIRED_FILE)):
            self._fs.rm_file(self._path(name, _RETIRED_FILE))

    def purge(self, name: str) -> None:
        """Remove a version's files, its manifest first; that it was retired stays known."""
        manifest = self._path(name, MANIFEST_FILE)
        if self._fs.exists(manifest):
            self._fs.rm_file(manifest)
        for path in self._find(self._path(name)):
            if not path.endswith(f"/{_RETIRED_FILE}"):
                self._fs.rm_file(path)

    def _path(self, *parts: str) -> str:
        return "/".join((self._root, *parts))

    def _find(self, folder: str) -> dict[str, int]:
        """Path to size of every file under a folder; empty where there is no such folder."""
        try:
            found = cast("Mapping[str, Mapping[str, Any]]", self._fs.find(folder, detail=True))
        except FileNotFoundError:
            return {}
        return {path: int(entry.get("size") or 0) for path, entry in found.items()}

    def _read(self, path: str, max_bytes: int) -> bytes:
        with self._fs.open(path, "rb") as file:
            return cast("bytes", file.read(max_bytes))

    def _copy(self, path: str, target: BinaryIO, size: int) -> None:
        """Copy at most `size` bytes: what is longer or shorter does not have the hash that it should."""
        with self._fs.open(path, "rb") as file:
            left = size
            while left > 0 and (piece := file.read(min(left, _CHUNK_BYTES))):
                target.write(piece)
                left -= len(piece)
