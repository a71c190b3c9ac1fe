"""Where the gateway will listen, read from its settings before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.listening import Listening, listening_from


def read(folder: Path, text: str, **environ: str) -> Listening:
    path = folder / "firstline.yaml"
    path.write_text(text, encoding="utf-8")
    return listening_from(path, environ)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("server: {port: 8080}", "127.0.0.1"),
        ("server: {host: 127.0.0.1}", "127.0.0.1"),
        ("server: {host: localhost}", "localhost"),
        ("server: {host: 0.0.0.0}", "127.0.0.1"),
        ("server: {host: '::'}", "127.0.0.1"),
        ("server: {host: '::1'}", "::1"),
        ("server: {host: 10.0.0.7}", "10.0.0.7"),
        ("server: {host: '${HOST_OF_MINE}'}", "10.0.0.8"),
        ("server: {host: '${UNSET:-0.0.0.0}'}", "127.0.0.1"),
        ("server:", "127.0.0.1"),
    ],
)
def test_a_wildcard_is_called_by_loopback_and_an_address_by_itself(
    tmp_path: Path, text: str, host: str
) -> None:
    assert read(tmp_path, text, HOST_OF_MINE="10.0.0.8").host == host


@pytest.mark.parametrize(
    ("text", "has_keys"),
    [("auth: {keys_file: keys}", True), ("auth: {keys_file: null}", False), ("auth:", False), ("", False)],
)
def test_a_keys_file_means_keys(tmp_path: Path, text: str, has_keys: bool) -> None:
    assert read(tmp_path, text).has_keys is has_keys


def test_a_variable_comes_before_the_file(tmp_path: Path) -> None:
    text = "server: {host: 10.0.0.7}\nauth: {keys_file: keys}"
    found = read(tmp_path, text, FIRSTLINE_SERVER__HOST="::1", FIRSTLINE_AUTH__KEYS_FILE="null")
    assert found == Listening("::1", has_keys=False)


@pytest.mark.parametrize("text", ["a: [", "just text", "- a", "server: 5"])
def test_settings_that_cannot_be_read_are_left_to_the_gateway(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == Listening()
    assert listening_from(tmp_path / "nowhere.yaml", {}) == Listening()
