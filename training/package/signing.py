"""Owns signing a package and checking its signature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from contracts.artifact import PACKAGE_PURPOSE, SIGNATURE_FILE, package_digest
from contracts.signature import Signature, SignatureError, sign, verify
from training.errors import PackageError
from training.package._files import write_whole
from training.package.adapter import read_adapter
from training.package.records import read_bounded


def sign_package(folder: Path, key: Path) -> Signature:
    """Write `signature.json` over all files of the package; a later change to one of them voids it.

    Raises:
        PackageError: the folder is no adapter, the key cannot be used, or the file cannot be written.
    """
    read_adapter(folder)
    try:
        signature = sign(PACKAGE_PURPOSE, package_digest(folder), key)
    except (OSError, SignatureError) as error:
        raise PackageError(str(error)) from error
    write_whole(folder / SIGNATURE_FILE, signature.model_dump_json(indent=2).encode() + b"\n")
    return signature


def verify_package(folder: Path, trusted_keys: Sequence[Path]) -> str:
    """Check the signature; gives the name of the trusted key that made it.

    Raises:
        PackageError: there is none, it cannot be read, or no trusted key vouches for these files.
    """
    read_adapter(folder)
    content = read_bounded(folder / SIGNATURE_FILE)
    if content is None:
        raise PackageError(f"{folder}: is not signed ({SIGNATURE_FILE} is missing)")
    try:
        signature = Signature.model_validate_json(content)
        return verify(PACKAGE_PURPOSE, package_digest(folder), signature, trusted_keys)
    except ValidationError as error:
        raise PackageError(f"{folder / SIGNATURE_FILE}: is no signature") from error
    except (OSError, SignatureError) as error:
        raise PackageError(f"{folder}: {error}") from error
