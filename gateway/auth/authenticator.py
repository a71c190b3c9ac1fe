"""The authenticate stage: an API key to a principal; without a keys file, everybody is one tenant."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from gateway.auth._same_machine import refuse_foreign
from gateway.errors import AuthenticationError, PermissionDeniedError
from gateway.records import Principal

ANYBODY = Principal(tenant="default", is_admin=True)
_LINE = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})\s+(data|admin)\s+([0-9a-f]{64})")


class KeysFileError(ValueError):
    """A line of the keys file that is not `TENANT data|admin SHA256`."""


class KeyAuthenticator:
    """Knows principals by the SHA-256 of their key; the keys themselves are never held."""

    def __init__(self, principals: Mapping[str, Principal] | None) -> None:
        self._principals = principals

    @classmethod
    def from_file(cls, path: Path | None) -> KeyAuthenticator:
        """Read the keys file; None means that anybody may call.

        Raises:
            KeysFileError: the file cannot be read, or a line is wrong. The line's content is not repeated.
        """
        if path is None:
            return cls(None)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise KeysFileError(f"auth.keys_file: {error}") from error
        principals: dict[str, Principal] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise KeysFileError(f"auth.keys_file line {number}: expected TENANT data|admin SHA256")
            principals[match[3]] = Principal(tenant=match[1], is_admin=match[2] == "admin")
        return cls(principals)

    async def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Say who asks.

        Raises:
            AuthenticationError: no key, or one that is not known.
        """
        if self._principals is None:
            return ANYBODY
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise AuthenticationError("Send your API key as 'Authorization: Bearer KEY'")
        # A look-up by hash takes the same time whatever part of the key is right.
        found = self._principals.get(hashlib.sha256(key.strip().encode()).hexdigest())
        if found is None:
            raise AuthenticationError("The API key is not known")
        return found

    async def authenticate_admin(self, headers: Mapping[str, str]) -> Principal:
        """Say who administers.

        Raises:
            AuthenticationError: as `authenticate`.
            PermissionDeniedError: a key of data scope; without keys, a call for another site.
        """
        if self._principals is None:
            refuse_foreign(headers)
        principal = await self.authenticate(headers)
        if not principal.is_admin:
            raise PermissionDeniedError("This key has no admin scope")
        return principal
