"""Settings survive a dump and a load."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import Settings
from gateway.settings_load import load_settings

PATHS = st.sampled_from(["/srv/a", "/srv/b c", "/srv/ä"])
PRICES = st.fixed_dictionaries(
    {},
    optional={
        "prompt_usd_per_million": st.floats(0, 1e6),
        "cached_usd_per_million": st.none() | st.floats(0, 9),
    },
)


def pool(number: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "engines": st.lists(
                st.sampled_from(
                    [{"url": "http://10.0.0.1:8000"}, {"url": "https://e.example/v1", "adapter_root": "/a"}]
                ),
                min_size=1,
                max_size=3,
            ),
            "models": st.just([f"model-{number}", f"org/Model.{number}:x"]),
        },
        optional={
            "kind": st.sampled_from(["vllm", "openai"]),
            "prices": PRICES,
            "stall_timeout_seconds": st.floats(0.1, 3600),
        },
    )


SERVER = st.fixed_dictionaries(
    {},
    optional={
        "host": st.sampled_from(["127.0.0.1", "::1", "localhost"]),
        "port": st.integers(0, 65535),
        "max_nesting": st.integers(4, 200),
        "drain_seconds": st.floats(0, 3600),
    },
)
SETTINGS = st.fixed_dictionaries(
    {"pools": st.fixed_dictionaries({"small": pool(1)}, optional={"large.2": pool(2)}), "home": PATHS},
    optional={
        "server": SERVER,
        "auth": st.fixed_dictionaries({"keys_file": PATHS}),
        "tasks": st.fixed_dictionaries({"folder": PATHS, "reload": st.booleans()}),
        "router": st.fixed_dictionaries({"default_model": st.just("model-1"), "bundle": st.none() | PATHS}),
        "collections": st.dictionaries(st.sampled_from(["a", "b"]), st.fixed_dictionaries({"folder": PATHS})),
        "embeddings": st.fixed_dictionaries(
            {"pool": st.none() | st.just("small"), "model": st.just("model-1")}
        ),
        "escalation": st.just({"pool": "small", "model": "model-1"}),
        "log": st.fixed_dictionaries(
            {"level": st.sampled_from(["debug", "error"]), "json_lines": st.booleans()}
        ),
    },
)


@given(SETTINGS)
def test_settings_survive_a_dump_and_a_load(data: dict[str, Any]) -> None:
    settings = Settings.model_validate(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "firstline.yaml"
        path.write_text(
            yaml.safe_dump(settings.model_dump(mode="json"), allow_unicode=True), encoding="utf-8"
        )
        assert load_settings(path, {}) == settings
