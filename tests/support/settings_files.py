"""Settings for a gateway under test: a YAML file as an operator writes it, tasks beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.settings import Settings
from gateway.settings_load import load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = "smollm2-135m"
UPSTREAM_MODEL = "large-model"

HANDBOOK = {
    "returns.md": "# Returns\n\nA device may be returned within 30 days of delivery, in its original box.\n",
    "warranty.md": "# Warranty\n\nThe warranty covers faults of material and manufacture for 24 months.\n",
    "shipping.md": "# Shipping\n\nOrders placed before noon leave the warehouse on the same day.\n",
}


def write_settings(
    folder: Path,
    engine_urls: list[str],
    *,
    upstream_url: str | None = None,
    changes: Mapping[str, Any] = {},
    tasks: Mapping[str, Mapping[str, Any]] = {},
) -> Path:
    """Write `firstline.yaml`, a copy of the example tasks and a small handbook; give the file's path.

    `changes` are laid over the settings, and `tasks` over the tasks of those names.
    """
    shutil.copytree(REPOSITORY / "examples" / "tasks", folder / "tasks", dirs_exist_ok=True)
    for name, change in tasks.items():
        task = folder / "tasks" / f"{name}.yaml"
        changed = merged(yaml.safe_load(task.read_text(encoding="utf-8")), change)
        task.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
    (folder / "docs").mkdir(exist_ok=True)
    for name, text in HANDBOOK.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    path = folder / "firstline.yaml"
    settings = merged(_settings(engine_urls, upstream_url), changes)
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def settings_for(folder: Path, engine_urls: list[str], **written: Any) -> Settings:
    """Write the settings and read them back as the gateway does; `written` goes to `write_settings`."""
    return load_settings(write_settings(folder, engine_urls, **written), {})


def merged(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `changes` over `data`, section by section; None takes a key away."""
    result = dict(data)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def _settings(engine_urls: list[str], upstream_url: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "schema_version": 1,
        "home": "home",
        "pools": {
            "small": {
                "kind": "vllm",
                "engines": [{"url": url} for url in engine_urls],
                "models": [MODEL],
                "prices": {"prompt_usd_per_million": 1.0, "completion_usd_per_million": 2.0},
                "max_lora_rank": 32,
                "health_interval_seconds": 0.05,
            }
        },
        "tasks": {"folder": "tasks", "reload": False},
        "router": {"default_model": MODEL},
        "schemas": {"prestart": False},
        "collections": {"handbook": {"folder": "docs"}},
        "adapters": {"store": "adapters", "reconcile_interval_seconds": 0.05, "ready_wait_seconds": 5},
    }
    if upstream_url is not None:
        data["pools"]["large"] = {
            "kind": "openai",
            "engines": [{"url": upstream_url}],
            "models": [UPSTREAM_MODEL],
            "prices": {"prompt_usd_per_million": 100.0, "completion_usd_per_million": 200.0},
            "health_interval_seconds": 0.05,
        }
        data["escalation"] = {"pool": "large", "model": UPSTREAM_MODEL}
    return data
