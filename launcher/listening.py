"""Owns where the gateway will listen and whether it asks for keys, as far as the launcher must know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")
_LOOPBACK = "127.0.0.1"
# A wildcard is an address to listen on; whoever calls needs one that leads there.
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared alone


@dataclass(frozen=True)
class Listening:
    """What a client on this machine calls, and whether it must send a key."""

    host: str = _LOOPBACK
    has_keys: bool = False

    def url(self, port: int) -> str:
        """The root of the gateway."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"


def listening_from(settings: Path, environ: Mapping[str, str]) -> Listening:
    """Read two keys of the settings as the gateway does; what cannot be read is the gateway's to refuse."""
    host = _setting(settings, environ, "server", "host")
    keys = _setting(settings, environ, "auth", "keys_file")
    return Listening(
        host=_LOOPBACK if host is None or str(host) in _WILDCARDS else str(host), has_keys=keys is not None
    )


def _setting(settings: Path, environ: Mapping[str, str], section: str, key: str) -> Any:
    variable = environ.get(f"FIRSTLINE_{section}__{key}".upper())
    try:
        if variable is not None:
            return yaml.safe_load(variable)
        found = yaml.safe_load(settings.read_text(encoding="utf-8"))[section][key]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return None
    if not isinstance(found, str):
        return found
    return _REFERENCE.sub(lambda match: environ.get(match[1], match[2] or ""), found)
