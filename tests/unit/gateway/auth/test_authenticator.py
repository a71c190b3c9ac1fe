"""Keys to principals."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway.auth import KeyAuthenticator, KeysFileError
from gateway.errors import AuthenticationError, PermissionDeniedError
from gateway.records import Principal


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def from_lines(folder: Path, *lines: str) -> KeyAuthenticator:
    path = folder / "keys"
    path.write_text("\n".join(lines), encoding="utf-8")
    return KeyAuthenticator.from_file(path)


@pytest.fixture
def keys(tmp_path: Path) -> KeyAuthenticator:
    return from_lines(
        tmp_path,
        "# tenants",
        "",
        f"acme data {digest('k-acme')}",
        f"  ops   admin   {digest('k-öps')}  ",
    )


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_a_key_is_its_tenant(keys: KeyAuthenticator) -> None:
    assert await keys.authenticate(bearer("k-acme")) == Principal("acme", is_admin=False)
    assert await keys.authenticate(bearer("k-öps")) == Principal("ops", is_admin=True)
    assert await keys.authenticate({"authorization": "bEARER  k-acme "}) == Principal("acme")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer  "},
        {"authorization": "Basic k-acme"},
        {"authorization": "k-acme"},
    ],
    ids=str,
)
async def test_without_a_key_the_client_is_told_how_to_send_one(
    keys: KeyAuthenticator, headers: dict[str, str]
) -> None:
    with pytest.raises(AuthenticationError, match="Authorization: Bearer KEY") as caught:
        await keys.authenticate(headers)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")


@pytest.mark.parametrize("key", ["wrong", "k-acm", "k-acmee", "K-ACME", digest("k-acme")])
async def test_a_key_that_is_not_known_is_not_repeated(keys: KeyAuthenticator, key: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await keys.authenticate(bearer(key))
    assert caught.value.message == "The API key is not known"


async def test_administration_needs_the_scope(keys: KeyAuthenticator) -> None:
    assert (await keys.authenticate_admin(bearer("k-öps"))).tenant == "ops"
    with pytest.raises(PermissionDeniedError) as caught:
        await keys.authenticate_admin(bearer("k-acme"))
    assert caught.value.status == 403
    with pytest.raises(AuthenticationError):
        await keys.authenticate_admin({})


async def test_without_a_keys_file_everybody_is_one_tenant() -> None:
    anybody = KeyAuthenticator.from_file(None)
    assert await anybody.authenticate({}) == Principal("default", is_admin=True)
    admin = await anybody.authenticate_admin({**bearer("anything"), "host": "localhost"})
    assert admin == Principal("default", is_admin=True)


@pytest.mark.parametrize("host", ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080"])
@pytest.mark.parametrize("has_origin", [False, True])
async def test_without_keys_this_machine_may_administer(host: str, has_origin: bool) -> None:
    headers = {"host": host} | ({"origin": f"http://{host.lower()}"} if has_origin else {})
    assert (await KeyAuthenticator(None).authenticate_admin(headers)).is_admin


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "10.0.0.7:80",
        "0.0.0.0",
        "[::1",
        "::",
    ],
)
async def test_without_keys_another_name_may_not_administer(host: str) -> None:
    with pytest.raises(PermissionDeniedError, match=r"auth\.keys_file"):
        await KeyAuthenticator(None).authenticate_admin({"host": host})


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1:3000", "http://127.0.0.1", "http://["]
)
async def test_without_keys_a_page_of_another_origin_may_not_administer(origin: str) -> None:
    with pytest.raises(PermissionDeniedError, match="origin"):
        await KeyAuthenticator(None).authenticate_admin({"host": "127.0.0.1:8080", "origin": origin})


async def test_with_keys_the_key_alone_decides(keys: KeyAuthenticator) -> None:
    headers = {**bearer("k-öps"), "host": "gateway.example", "origin": "https://console.example"}
    assert (await keys.authenticate_admin(headers)).tenant == "ops"


async def test_an_empty_keys_file_lets_nobody_in(tmp_path: Path) -> None:
    nobody = from_lines(tmp_path, "# none yet")
    with pytest.raises(AuthenticationError):
        await nobody.authenticate(bearer("k-acme"))


@pytest.mark.parametrize(
    "line",
    [
        "acme data",
        f"acme root {digest('k')}",
        "acme data k-secret",
        f"ACME data {digest('k')}",
        f"acme data {digest('k').upper()}",
        f"acme data {digest('k')} extra",
    ],
)
def test_a_wrong_line_is_named_and_not_repeated(tmp_path: Path, line: str) -> None:
    with pytest.raises(KeysFileError) as caught:
        from_lines(tmp_path, f"ops admin {digest('o')}", line)
    assert str(caught.value) == "auth.keys_file line 2: expected TENANT data|admin SHA256"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeysFileError, match=r"auth\.keys_file: .*none"):
        KeyAuthenticator.from_file(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(KeysFileError):
        KeyAuthenticator.from_file(tmp_path / "binary")
