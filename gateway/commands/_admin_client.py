"""Calls to a running gateway's admin API, with sentences for what can go wrong."""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

import httpx
import typer
from rich.console import Console
from rich.markup import escape

from gateway.settings_load import PREFIX, SettingsError, load_settings

KEY_VARIABLE: Final = f"{PREFIX}ADMIN_KEY"
DEFAULT_URL: Final = "http://127.0.0.1:8080"
_CONNECT_SECONDS: Final = 5.0
_REGISTER_SECONDS: Final = 900.0
_CHUNK_BYTES: Final = 1024 * 1024

_PIPED_COLUMNS: Final = 240
"""A pipe has no edge: names must not be cut where a script reads them."""

out = Console() if sys.stdout.isatty() else Console(width=_PIPED_COLUMNS)
_errors = Console(stderr=True, soft_wrap=True)


def fail(sentence: str) -> NoReturn:
    """Say what is wrong and how to mend it, and exit with 1."""
    _errors.print(f"[red]error:[/red] {escape(sentence)}", highlight=False)
    raise typer.Exit(1)


def gateway_url(url: str | None, config: Path | None) -> str:
    """Where the gateway answers: as given, else as its settings say, else on this machine's port 8080."""
    if url is not None:
        return url.rstrip("/").removesuffix("/v1")
    if config is not None:
        try:
            server = load_settings(config, os.environ).server
        except SettingsError as error:
            fail(str(error))
        host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104 - compared alone
        return f"http://{host}:{server.port}"
    port = os.environ.get(f"{PREFIX}PORT")
    return f"http://127.0.0.1:{port}" if port else DEFAULT_URL


def call(
    url: str,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    content: Iterator[bytes] | bytes | None = None,
    content_type: str = "application/json",
) -> Any:
    """Make one call; anything but success ends the command with the gateway's own sentence."""
    headers = {"Content-Type": content_type}
    with _calling(url) as client:
        reply = client.request(method, path, params=params, content=content, headers=headers)
    _check(reply)
    return reply.json()


def download(url: str, path: str, target: BinaryIO, *, max_bytes: int) -> None:
    """Write a reply's body to a file as it comes; fails as `call`, and where it is too long."""
    size = 0
    with _calling(url) as client, client.stream("GET", path) as reply:
        if not reply.is_success:
            reply.read()
        _check(reply)
        for piece in reply.iter_bytes(_CHUNK_BYTES):
            size += len(piece)
            if size > max_bytes:
                fail(f"the gateway's answer is over {max_bytes} bytes.")
            target.write(piece)


@contextmanager
def _calling(url: str) -> Iterator[httpx.Client]:
    key = os.environ.get(KEY_VARIABLE)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = httpx.Timeout(_REGISTER_SECONDS, connect=_CONNECT_SECONDS)
    try:
        with httpx.Client(base_url=url, timeout=timeout, trust_env=False, headers=headers) as client:
            yield client
    except httpx.ConnectError:
        fail(f"no gateway answers at {url}. Start it with `make run` (or `firstline serve`), or give --url.")
    except httpx.HTTPError as error:
        fail(f"the gateway at {url} did not answer: {type(error).__name__}.")


def _check(reply: httpx.Response) -> None:
    if reply.status_code in (401, 403):
        fail(f"the gateway asks for a key with the admin scope: set {KEY_VARIABLE}. {_message(reply)}")
    if not reply.is_success:
        fail(_message(reply))


def _message(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the gateway answered with status {reply.status_code}"


@contextmanager
def archived(folder: Path, names: list[str]) -> Iterator[tuple[Iterator[bytes], int]]:
    """Some files of a folder as a tar archive: its bytes in pieces, and how many they are."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name in names:
                archive.add(folder / name, arcname=name, recursive=False)
        size = file.tell()
        file.seek(0)
        yield iter(lambda: file.read(_CHUNK_BYTES), b""), size
