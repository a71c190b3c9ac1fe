"""Guards the admin routes where there are no keys: no call that a web page of another site could make."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.errors import PermissionDeniedError

_MEND = "set auth.keys_file to administer from elsewhere"


def refuse_foreign(headers: Mapping[str, str]) -> None:
    """Refuse what a browser sends for another site.

    A page elsewhere can post to a loopback address (its `Origin` says so), and can give its own name a
    loopback address (its `Host` says so).

    Raises:
        PermissionDeniedError: `Host` is not loopback, or `Origin` is another than the gateway's.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    if not _is_loopback(host):
        raise PermissionDeniedError(f"Without keys, admin routes answer on loopback names alone; {_MEND}")
    if origin is not None and origin.lower().partition("://")[2] != host.lower():
        raise PermissionDeniedError(f"Without keys, admin routes answer no page of another origin; {_MEND}")


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
