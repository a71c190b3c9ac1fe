"""Fetching an adapter package from the gateway, checking it, and handing it to an exporter."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final, cast

from pydantic import ValidationError

from contracts.adapter import AdapterManifest
from contracts.artifact import (
    ADAPTER_FILES,
    PACKAGE_PURPOSE,
    SIGNATURE_FILE,
    digest_of,
    package_digest,
    stored_files,
)
from contracts.signature import Signature, SignatureError, verify
from gateway.adapters.staging import MAX_EXTRA_BYTES, MAX_EXTRA_FILES, MAX_WEIGHTS_BYTES, bound_of
from gateway.adapters.store import MANIFEST_FILE, MAX_MANIFEST_BYTES
from gateway.commands._admin_client import download, fail

EXPORTERS: Final = "firstline.exporters"
"""Entry points of `(package, base, out)` functions: the formats besides `peft`."""
_MAX_ARCHIVE_BYTES: Final = MAX_WEIGHTS_BYTES + (MAX_EXTRA_FILES + 8) * MAX_EXTRA_BYTES
Exporter = Callable[[Path, Path, Path], Any]


def formats() -> list[str]:
    """Every format that can be asked for here."""
    return ["peft", *sorted({point.name for point in entry_points(group=EXPORTERS)})]


def exporter(name: str) -> Exporter:
    """The function that writes a format; a missing library is one sentence."""
    points: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=EXPORTERS)}
    if name not in points:
        fail(f"there is no format {name!r}; there are: {', '.join(formats())}.")
    try:
        return cast("Exporter", points[name].load())
    except ImportError as error:
        fail(
            f"format {name!r} needs {error.name or error}, which is not installed here: "
            "use the training environment, or pip install 'firstline[train]'."
        )


@contextmanager
def fetched(where: str, name: str, beside: Path) -> Iterator[Path]:
    """A version's package in a folder of its own beside `beside`, every file compared with the manifest."""
    beside.parent.mkdir(parents=True, exist_ok=True)
    area = Path(tempfile.mkdtemp(prefix=".firstline-export-", dir=beside.parent))
    try:
        folder = area / "package"
        folder.mkdir()
        with tempfile.TemporaryFile(dir=area) as file:
            download(where, f"/admin/v1/adapters/{name}/archive", file, max_bytes=_MAX_ARCHIVE_BYTES)
            file.seek(0)
            _extract(cast("Any", file), folder)
        manifest = read_manifest(folder)
        if manifest.name != name:
            fail(f"the gateway sent {manifest.name}, not {name}.")
        check_files(folder, manifest)
        yield folder
    finally:
        shutil.rmtree(area, ignore_errors=True)


def read_manifest(folder: Path) -> AdapterManifest:
    """The manifest of an exported folder."""
    try:
        with (folder / MANIFEST_FILE).open("rb") as file:
            return AdapterManifest.model_validate_json(file.read(MAX_MANIFEST_BYTES))
    except FileNotFoundError:
        fail(f"{folder} has no {MANIFEST_FILE}; expected a folder that `firstline adapter export` wrote.")
    except (OSError, ValidationError):
        fail(f"{folder / MANIFEST_FILE} cannot be read as the manifest of an adapter version.")


def check_files(folder: Path, manifest: AdapterManifest) -> None:
    """Compare every file of a folder with its manifest."""
    try:
        found = stored_files(folder, tuple(manifest.files))
        digest = digest_of(folder, ADAPTER_FILES)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}.")
    for name, stated in manifest.files.items():
        if found[name].bytes != stated.bytes or stated.sha256 not in (None, found[name].sha256):
            fail(f"{folder / name} is not what {manifest.name} was registered with.")
    if digest != manifest.digest:
        fail(f"{folder}: the weights and configuration are not those of {manifest.name}.")


def check_signature(folder: Path, keys: list[Path]) -> str | None:
    """The key that signed a package; None where no key was given to check with."""
    if not keys:
        return None
    try:
        signature = Signature.model_validate_json((folder / SIGNATURE_FILE).read_bytes())
        return verify(PACKAGE_PURPOSE, package_digest(folder), signature, keys)
    except FileNotFoundError:
        fail(f"{folder} has no {SIGNATURE_FILE}.")
    except (SignatureError, ValidationError, OSError) as error:
        fail(f"{folder / SIGNATURE_FILE}: {error}")


def write_with(write: Exporter, package: Path, base: Path, out_path: Path) -> None:
    """Have an exporter write; what it cannot do is one sentence, for it may raise errors of any library."""
    try:
        write(package, base, out_path)
    except Exception as error:  # noqa: BLE001 - exporters are found by name, and share no error class
        fail(str(error) or type(error).__name__)


def _extract(file: Any, folder: Path) -> None:
    """Plain files of known names alone; the archive comes from a gateway, which may be another's."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                bound = MAX_MANIFEST_BYTES if member.name == MANIFEST_FILE else bound_of(member.name)
                source = archive.extractfile(member) if member.isreg() else None
                if bound is None or source is None or member.size > bound:
                    fail(f"the gateway's archive holds {member.name[:100]!r}, which no adapter package has.")
                with source, (folder / member.name).open("xb") as target:
                    shutil.copyfileobj(source, target)
    except (tarfile.TarError, FileExistsError) as error:
        fail(f"the gateway's archive cannot be read: {error}.")
