"""The adapter store: immutable folders named by their content, on any local or mounted file system."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog
from pydantic import ValidationError

from contracts.adapter import AdapterManifest
from contracts.artifact import ADAPTER_FILES, digest_of, stored_files
from contracts.task import TASK_NAME
from gateway.adapters._files import listed, modified, sync_folder, write_synced
from gateway.adapters._package import PackageFacts
from gateway.adapters.dossiers import Dossiers
from gateway.adapters.inspect import Inspection
from gateway.adapters.staging import copy_adapter
from gateway.errors import AdapterRefusedError, InternalError

_log = structlog.get_logger(__name__)

MANIFEST_FILE: Final = "manifest.json"
MAX_MANIFEST_BYTES: Final = 1024**2
ADAPTER_NAME: Final = re.compile(rf"(?P<task>{TASK_NAME.pattern})@(?P<version>[0-9a-f]{{12}})")
_STAGING: Final = ".staging-"
_STALE_SECONDS: Final = 3600.0


class AdapterStore:
    """Holds `<task>@<12 hex>/` folders, each with its files and a manifest.

    A folder appears by one rename and is never changed after. Methods block; call them in a thread.
    """

    def __init__(self, root: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._root = root.absolute()
        self._now = now
        self._damaged: set[str] = set()
        self.dossiers = Dossiers(self._root)

    def path(self, manifest: AdapterManifest) -> Path:
        """Where a version's files lie."""
        return self._root / manifest.name

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """An empty folder beside the versions; what is left of it at the end is removed.

        Raises:
            InternalError: the store cannot be written.
        """
        folder = self._root / f"{_STAGING}{uuid.uuid4().hex}"
        try:
            folder.mkdir(parents=True)
            yield folder
        except OSError as error:
            raise InternalError(f"the adapter store cannot be written: {error.strerror}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def stage(self, source: Path, target: Path) -> None:
        """Copy the files that belong to an adapter; raises as `copy_adapter`."""
        copy_adapter(source, target)

    def commit(
        self, staged: Path, inspection: Inspection, facts: PackageFacts, *, task: str, base_model: str
    ) -> tuple[AdapterManifest, bool]:
        """Give a staged and inspected folder its name; False where the store had this content already.

        Raises:
            AdapterRefusedError: another version with the same first 12 digits exists.
            OSError: the disk is full or fails; nothing is registered then.
        """
        manifest = AdapterManifest(
            task=task,
            digest=digest_of(staged, ADAPTER_FILES),
            base_model=base_model,
            rank=inspection.rank,
            target_modules=inspection.target_modules,
            json_form=facts.json_form,
            created_at=self._now(),
            files=stored_files(staged, listed(staged)),
            provenance=facts.provenance,
            signer=facts.signer,
            notes="; ".join(note for note in (inspection.notes, *facts.notes) if note),
        )
        return self._name(staged, manifest)

    def adopt(self, staged: Path, manifest: AdapterManifest) -> AdapterManifest:
        """Give a folder that another gateway judged its name, once every file agrees with its manifest.

        Raises:
            AdapterRefusedError: a file is missing, altered or one too many.
            OSError: the disk is full or fails.
        """
        if (
            stored_files(staged, listed(staged)) != manifest.files
            or digest_of(staged, ADAPTER_FILES) != manifest.digest
        ):
            raise AdapterRefusedError(f"{manifest.name}: its files do not agree with its manifest")
        return self._name(staged, manifest)[0]

    def _name(self, staged: Path, manifest: AdapterManifest) -> tuple[AdapterManifest, bool]:
        write_synced(staged / MANIFEST_FILE, manifest.model_dump_json(indent=2).encode())
        for path in staged.iterdir():
            path.chmod(0o444)
        target = self.path(manifest)
        try:
            # rename(2) never replaces a folder that has files in it, so of two at once one wins.
            staged.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            known = self._same(manifest)
            if known is not None:
                return known, False
            self.remove(manifest)
            staged.rename(target)
        self._damaged.discard(manifest.name)
        sync_folder(self._root)
        _log.info("adapter_stored", adapter=manifest.name, rank=manifest.rank)
        return manifest, True

    def get(self, name: str) -> AdapterManifest | None:
        """The manifest of one version; None where the store has no such version.

        Raises:
            AdapterRefusedError: its manifest is damaged or says something else.
        """
        if not ADAPTER_NAME.fullmatch(name):
            return None
        try:
            with (self._root / name / MANIFEST_FILE).open("rb") as file:
                manifest = AdapterManifest.model_validate_json(file.read(MAX_MANIFEST_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValidationError) as error:
            raise AdapterRefusedError(f"{name}: {MANIFEST_FILE} is damaged") from error
        if manifest.name != name:
            raise AdapterRefusedError(f"{name}: {MANIFEST_FILE} belongs to {manifest.name}")
        return manifest

    def verify(self, manifest: AdapterManifest) -> None:
        """Read the files again and compare the digest.

        Raises:
            AdapterRefusedError: a file is missing or was altered since it was registered.
        """
        try:
            found = digest_of(self.path(manifest), ADAPTER_FILES)
        except OSError as error:
            raise AdapterRefusedError(f"{manifest.name}: files are missing or cannot be read") from error
        if found != manifest.digest:
            raise AdapterRefusedError(f"{manifest.name}: files were altered: the digest is {found[:12]}…")

    def verify_all(self, manifest: AdapterManifest) -> None:
        """Read every file of a version again and compare; raises as `verify`."""
        self.verify(manifest)
        try:
            found = stored_files(self.path(manifest), tuple(manifest.files))
        except OSError as error:
            raise AdapterRefusedError(f"{manifest.name}: files are missing or cannot be read") from error
        for name, stated in manifest.files.items():
            if found[name].bytes != stated.bytes or stated.sha256 not in (None, found[name].sha256):
                raise AdapterRefusedError(f"{manifest.name}: {name} was altered since it was registered")

    def all(self, known: Mapping[str, AdapterManifest] = MappingProxyType({})) -> tuple[AdapterManifest, ...]:
        """All whole versions by name; one that is `known` is not read again, a damaged one is left out."""
        names = [name for name in self._names() if ADAPTER_NAME.fullmatch(name)]
        found = [known.get(name) or self._whole(name) for name in names]
        return tuple(manifest for manifest in found if manifest is not None)

    def remove(self, manifest: AdapterManifest) -> None:
        """Take a version that nothing points to out of the store, at once as a reader sees it."""
        doomed = self._root / f"{_STAGING}{uuid.uuid4().hex}"
        try:
            self.path(manifest).rename(doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed, ignore_errors=True)

    def clean(self) -> None:
        """Remove what interrupted registrations left; younger folders may belong to another process."""
        for name in self._names():
            folder = self._root / name
            if name.startswith(_STAGING) and time.time() - modified(folder) > _STALE_SECONDS:
                _log.info("adapter_leftover_removed", folder=name)
                shutil.rmtree(folder, ignore_errors=True)

    def _names(self) -> list[str]:
        return listed(self._root) if self._root.is_dir() else []

    def _whole(self, name: str) -> AdapterManifest | None:
        """A version as it is found for the first time: its files are read and compared once."""
        if name in self._damaged:
            return None
        try:
            manifest = self.get(name)
            if manifest is not None:
                self.verify(manifest)
        except AdapterRefusedError as error:
            _log.error("adapter_damaged", adapter=name, error=error.message)
            self._damaged.add(name)
            return None
        return manifest

    def _same(self, manifest: AdapterManifest) -> AdapterManifest | None:
        """The version as it stands in the store; None where its files are damaged and must be replaced."""
        try:
            known = self.get(manifest.name)
            if known is not None:
                self.verify(known)
        except AdapterRefusedError:
            return None
        if known is not None and known.digest != manifest.digest:
            raise AdapterRefusedError(f"{manifest.name}: the store holds other content under this name")
        return known
