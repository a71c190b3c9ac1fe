"""Signatures over content hashes: Ed25519 (RFC 8032), keys as PEM files, for specifications and packages."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import BaseModel, ConfigDict, Field

_CONTEXT = b"firstline-signature-v1\x00"
"""Goes before what is signed, so that a signature made for another purpose never fits."""


class SignatureError(Exception):
    """A key that cannot be read, or a signature that does not hold."""


class Signature(BaseModel):
    """Who vouches for which content; `purpose` keeps one kind of content from passing for another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    algorithm: Literal["ed25519"] = "ed25519"
    purpose: str = Field(min_length=1, max_length=40)
    key_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    value: str = Field(max_length=200)


def sign(purpose: str, digest: str, private_key: Path) -> Signature:
    """Sign a content hash with an unencrypted PEM key.

    Raises:
        SignatureError: the key cannot be read, or is no Ed25519 key.
    """
    try:
        key = load_pem_private_key(private_key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignatureError(f"{private_key}: cannot be read as an unencrypted PEM key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError(f"{private_key}: is no Ed25519 key")
    value = key.sign(_message(purpose, digest))
    return Signature(
        purpose=purpose, key_id=_key_id(key.public_key()), value=base64.b64encode(value).decode()
    )


def verify(purpose: str, digest: str, signature: Signature, trusted_keys: Sequence[Path]) -> str:
    """Check a signature against the trusted public keys; gives the file name of the key that made it.

    Raises:
        SignatureError: no trusted key made it, or it belongs to other content.
    """
    for path in trusted_keys:
        key = read_public_key(path)
        if _key_id(key) != signature.key_id:
            continue
        try:
            key.verify(base64.b64decode(signature.value, validate=True), _message(purpose, digest))
        except (InvalidSignature, binascii.Error) as error:
            raise SignatureError(f"the signature by key {path.stem} belongs to other content") from error
        if signature.purpose != purpose:
            raise SignatureError(f"the signature was made for a {signature.purpose}, not for a {purpose}")
        return path.stem
    raise SignatureError(f"no trusted key has the id {signature.key_id}")


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a PEM public key.

    Raises:
        SignatureError: it cannot be read, or is no Ed25519 key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError(f"{path}: cannot be read as a PEM public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureError(f"{path}: is no Ed25519 key")
    return key


def make_key_pair(private_key: Path, public_key: Path) -> None:
    """Write a new key pair; the private file is readable by its owner alone, and neither is overwritten.

    Raises:
        SignatureError: a file exists already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        private_key.touch(mode=0o600, exist_ok=False)
        private_key.write_bytes(secret)
        with public_key.open("xb") as file:
            file.write(public)
    except OSError as error:
        raise SignatureError(f"{error.filename}: cannot be written: {error.strerror}") from error


def _key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _message(purpose: str, digest: str) -> bytes:
    return _CONTEXT + purpose.encode() + b"\x00" + digest.encode()
