"""Reading the settings: what is merged, what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import PoolKind, Settings
from gateway.settings_load import LAUNCHER_VARIABLES, SettingsError, load_settings

LEAST: dict[str, Any] = {"pools": {"small": {"engines": [{"url": "http://127.0.0.1:1"}], "models": ["m"]}}}
Load = Callable[..., Settings]


def with_pool(**changes: Any) -> dict[str, Any]:
    return {"pools": {"small": {**LEAST["pools"]["small"], **changes}}}


def with_large(**changes: Any) -> dict[str, Any]:
    large = {"kind": "openai", "engines": [{"url": "https://api.example.com/v1"}], "models": ["l"], **changes}
    return {"pools": {**LEAST["pools"], "large": large}}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def read(content: Mapping[str, Any] | str = {}, **environment: str) -> Settings:
        text = content if isinstance(content, str) else yaml.safe_dump({**LEAST, **content}, sort_keys=False)
        path = tmp_path / "firstline.yaml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, environment)

    return read


@pytest.fixture
def refused(load: Load) -> Callable[..., str]:
    def read(content: Mapping[str, Any] | str = {}, **environment: str) -> str:
        with pytest.raises(SettingsError) as caught:
            load(content, **environment)
        return str(caught.value)

    return read


def test_the_least_file_has_defaults_for_the_rest(load: Load) -> None:
    settings = load()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.pools["small"].kind is PoolKind.VLLM
    assert settings.pool_of("m") == "small"
    assert settings.pool_of("n") is None


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"servr": {}}, "servr"),
        ({"server": {"prot": 1}}, "server.prot"),
        ({"server": {"port": 70000}}, "server.port"),
        ({"server": []}, "server"),
        ({"pools": {}}, "pools"),
        ({"pools": None}, "pools"),
        (with_pool(engines=[]), "pools.small.engines"),
        (with_pool(engines=[{"url": "ftp://x"}]), "pools.small.engines.0.url"),
        (with_pool(engines=[{"url": "http://x", "weight": 1}]), "pools.small.engines.0.weight"),
        (with_pool(models=[]), "pools.small.models"),
        (with_pool(kind="tgi"), "pools.small.kind"),
        (with_pool(prices={"prompt_usd_per_million": -1}), "pools.small.prices.prompt_usd_per_million"),
        ({"log": {"level": "loud"}}, "log.level"),
        ({"schema_version": 2}, "schema_version"),
        ({"tasks": {}}, "tasks.folder"),
    ],
    ids=lambda case: str(case)[:50],
)
def test_a_key_at_fault_is_named(refused: Callable[..., str], content: dict[str, Any], key: str) -> None:
    assert f"firstline.yaml: {key}" in refused(content)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"escalation": {"pool": "large", "model": "l"}}, "escalation.pool: no pool is named 'large'"),
        (
            {**with_large(), "escalation": {"pool": "large", "model": "x"}},
            "escalation.model: pool 'large' does not serve 'x'",
        ),
        (with_large(models=["m"]), "pools.large.models: 'm' is already served by pool 'small'"),
        ({"router": {"default_model": "x"}}, "router.default_model: no pool serves 'x'; served: ['m']"),
        ({"embeddings": {"pool": "x"}}, "embeddings.pool: no pool is named 'x'"),
        (
            {"embeddings": {"pool": "small", "model": "e"}},
            "embeddings.model: pool 'small' does not serve 'e'",
        ),
    ],
    ids=lambda case: str(case)[:50],
)
def test_a_name_that_leads_nowhere_stops_the_start(
    refused: Callable[..., str], content: dict[str, Any], sentence: str
) -> None:
    assert sentence in refused(content)


@pytest.mark.parametrize(
    "text", ["", "- a\n", "just text", "a: [1", "\tx: 1", "a: !!python/object:os.system x"]
)
def test_a_file_that_is_no_mapping_is_refused(refused: Callable[..., str], text: str) -> None:
    assert "firstline.yaml: " in refused(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(tmp_path / "none.yaml", {})
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"binary\.yaml"):
        load_settings(tmp_path / "binary.yaml", {})


def test_a_variable_overrides_the_file(load: Load) -> None:
    settings = load(
        {"server": {"port": 1, "max_nesting": 9}},
        FIRSTLINE_SERVER__PORT="9000",
        FIRSTLINE_LOG__JSON_LINES="false",
        FIRSTLINE_POOLS__SMALL__MODELS="[a, b]",
        UNRELATED="x",
    )
    assert (settings.server.port, settings.server.max_nesting) == (9000, 9)
    assert settings.log.json_lines is False
    assert settings.pools["small"].models == ("a", "b")


@pytest.mark.parametrize("content", [{}, {"server": None}], ids=str)
def test_the_port_has_a_name_of_its_own(load: Load, content: dict[str, Any]) -> None:
    assert load(content, FIRSTLINE_PORT="9001").server.port == 9001


def test_home_has_a_name_of_its_own(load: Load, tmp_path: Path) -> None:
    settings = load({"home": "elsewhere"}, FIRSTLINE_HOME=str(tmp_path / "h"))
    assert settings.home == tmp_path / "h"
    assert settings.state_folder == tmp_path / "h" / "state"
    assert settings.adapter_store == tmp_path / "h" / "adapters"


def test_the_launchers_variables_are_no_settings(load: Load) -> None:
    given = {f"FIRSTLINE_{name}": "7" for name in LAUNCHER_VARIABLES}
    assert load({}, **given).server.port == 7


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "FIRSTLINE_SERVR__PORT",
            "1",
            "unknown environment variable FIRSTLINE_SERVR__PORT: no section 'servr'",
        ),
        ("FIRSTLINE_", "1", "unknown environment variable FIRSTLINE_"),
        ("FIRSTLINE_SERVER__PROT", "1", "server.prot"),
        ("FIRSTLINE_SERVER__PORT", "many", "server.port"),
        ("FIRSTLINE_SERVER__PORT__X", "1", "FIRSTLINE_SERVER__PORT__X: 'port' is not a section"),
        ("FIRSTLINE_SERVER__HOST", "{", "FIRSTLINE_SERVER__HOST: its value is not valid YAML"),
        ("FIRSTLINE_PORT", "many", "server.port"),
    ],
)
def test_a_variable_at_fault_is_named(
    refused: Callable[..., str], variable: str, value: str, sentence: str
) -> None:
    assert sentence in refused({"server": {"port": 1}}, **{variable: value})


def test_references_are_filled_in_from_the_environment(load: Load) -> None:
    content = with_pool(engines=[{"url": "http://${ENGINE_HOST:-localhost}:${ENGINE_PORT:-8100}"}])
    assert load(content).pools["small"].engines[0].url == "http://localhost:8100"
    found = load(content, ENGINE_HOST="gpu", ENGINE_PORT="1").pools["small"].engines[0].url
    assert found == "http://gpu:1"


def test_a_reference_without_value_or_default_is_refused(refused: Callable[..., str]) -> None:
    content = with_pool(engines=[{"url": "http://${ENGINE_HOST}:1"}])
    assert refused(content) == "the settings use ${ENGINE_HOST}, which is not set"


def test_paths_are_taken_from_the_files_folder(load: Load, tmp_path: Path) -> None:
    settings = load(
        {
            "home": "../h",
            "tasks": {"folder": "tasks"},
            "collections": {"docs": {"folder": "docs"}},
            "router": {"bundle": "/abs/bundle", "encoder": "enc"},
            "adapters": {"store": "store", "bundled": "bundled", "trusted_keys": ["release.pub", "/abs.pub"]},
            "auth": {"keys_file": "keys"},
        }
    )
    assert settings.tasks is not None
    assert settings.tasks.folder == tmp_path / "tasks"
    assert settings.collections["docs"].folder == tmp_path / "docs"
    assert (settings.router.bundle, settings.router.encoder) == (Path("/abs/bundle"), tmp_path / "enc")
    assert settings.adapters.bundled == tmp_path / "bundled"
    assert settings.adapters.trusted_keys == (tmp_path / "release.pub", Path("/abs.pub"))
    assert settings.auth.keys_file == tmp_path / "keys"
    assert settings.adapter_store == tmp_path / "../h" / "store"


def test_a_shared_store_has_its_copy_under_home(load: Load, tmp_path: Path) -> None:
    settings = load({"home": "h", "adapters": {"store": "s3://bucket/adapters"}})
    assert settings.adapters.remote_url == "s3://bucket/adapters"
    assert settings.adapter_store == tmp_path / "h" / "adapters"


@pytest.mark.parametrize(
    "store", ["s3://key:secret@bucket/adapters", "abfs://c/a?sig=secret", "simplecache::s3://bucket"]
)
def test_a_store_with_credentials_is_refused_and_not_repeated(
    refused: Callable[..., str], store: str
) -> None:
    said = refused({"adapters": {"store": store}})
    assert "adapters.store: Value error, expected a folder, or an fsspec URL" in said
    assert "secret" not in said


def test_signatures_cannot_be_required_without_keys_to_check_them(refused: Callable[..., str]) -> None:
    said = refused({"adapters": {"require_signature": True}})
    assert "require_signature needs trusted_keys" in said


def key_of(settings: Settings, pool: str = "large") -> str | None:
    found = settings.pools[pool].api_key
    return found.get_secret_value() if found else None


def test_a_secret_in_the_file_is_refused_and_not_repeated(refused: Callable[..., str]) -> None:
    sentence = refused(with_large(api_key="sk-secret"))
    assert sentence.startswith("pools.large.api_key: a secret does not stand in the file")
    assert "sk-secret" not in sentence
    assert "sk-secret" not in refused(with_large(api_key="sk-secret-${X:-}"))


def test_a_secret_in_an_engines_url_is_refused_and_not_repeated(refused: Callable[..., str]) -> None:
    message = refused(with_pool(engines=[{"url": "https://user:hunter2@host/v1"}]))
    assert "pools.small.engines.0.url" in message
    assert "hunter2" not in message


def test_a_secret_comes_from_the_environment(load: Load) -> None:
    assert key_of(load(with_large(api_key="${LARGE_KEY}"), LARGE_KEY="k")) == "k"
    assert key_of(load(with_large(), FIRSTLINE_POOLS__LARGE__API_KEY="k")) == "k"


@pytest.mark.parametrize("key", ["123456", "1e5", "yes", "*secret", "{secret", "a: b", "~"])
def test_a_secret_is_taken_to_the_letter(load: Load, key: str) -> None:
    assert key_of(load(with_large(), FIRSTLINE_POOLS__LARGE__API_KEY=key)) == key


def test_a_secret_that_is_misplaced_is_not_repeated(refused: Callable[..., str]) -> None:
    assert "sk-secret" not in refused({}, FIRSTLINE_SERVER__HOST="{sk-secret")
    assert "sk-secret" not in refused({}, FIRSTLINE_SERVER__PORT="sk-secret")


def test_a_secret_comes_from_a_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k\n", encoding="utf-8")
    settings = load(with_large(api_key_file="key"))
    assert key_of(settings) == "k"
    assert "'k'" not in repr(settings)
    assert settings.model_dump(mode="json")["pools"]["large"]["api_key"] == "**********"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_key_file_that_holds_no_key_is_named(
    refused: Callable[..., str], tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    assert refused(with_large(api_key_file="key")).startswith("pools.large.api_key_file: ")
