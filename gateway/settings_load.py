"""Reading the settings: YAML with `${NAME:-default}`, the environment over it, paths made absolute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr, ValidationError

from gateway.settings import Settings

PREFIX = "FIRSTLINE_"
LAUNCHER_VARIABLES = frozenset(
    {"HOME", "PORT", "ENGINE_PORT", "ENGINE_ARGS", "WHEELS", "ADMIN_KEY", "API_KEY", "TEST_ENGINE_URL"}
)
"""Variables that are no settings: the launcher and the clients read them."""

_REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")
_PATHS = (
    ("auth", "keys_file"),
    ("tasks", "folder"),
    ("tasks", "python_path"),
    ("router", "bundle"),
    ("router", "encoder"),
    ("adapters", "bundled"),
)


class SettingsError(ValueError):
    """The settings cannot be used; the message names the key and what is allowed."""


def load_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read, merge and validate.

    Relative paths in the file are taken from the file's folder; `home` comes from `FIRSTLINE_HOME`
    where that is set.

    Raises:
        SettingsError: the file cannot be read, a key or variable is unknown, or a value is not allowed.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(raw, dict):
        raise SettingsError(f"{path}: expected a mapping of sections at the top")
    _refuse_secrets(raw)
    data = _interpolated(raw, environment)
    _overlay(data, environment)
    _absolute(data, path.resolve().parent)
    try:
        return _with_secrets(Settings.model_validate(data))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors()]
        raise SettingsError(f"{path}: " + "; ".join(lines)) from error


def _refuse_secrets(raw: dict[str, Any]) -> None:
    pools = raw.get("pools")
    for name, pool in pools.items() if isinstance(pools, dict) else ():
        key = pool.get("api_key") if isinstance(pool, dict) else None
        if key is not None and not _REFERENCE.fullmatch(str(key)):
            raise SettingsError(
                f"pools.{name}.api_key: a secret does not stand in the file; use ${{NAME}} or api_key_file"
            )


def _interpolated(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, environment) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        found = environment.get(match[1], match[2])
        if found is None:
            raise SettingsError(f"the settings use ${{{match[1]}}}, which is not set")
        return found

    return _REFERENCE.sub(replace, value)


def _overlay(data: dict[str, Any], environment: Mapping[str, str]) -> None:
    """`FIRSTLINE_SERVER__PORT=9000` sets `server.port`; an unknown section stops the start."""
    for variable, text in environment.items():
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in LAUNCHER_VARIABLES:
            _set(data, variable, tuple(part.lower() for part in name.split("__")), text)
    if environment.get(f"{PREFIX}HOME"):
        data["home"] = str(Path(environment[f"{PREFIX}HOME"]).resolve())
    if environment.get(f"{PREFIX}PORT"):
        _set(data, f"{PREFIX}PORT", ("server", "port"), environment[f"{PREFIX}PORT"])


def _set(data: dict[str, Any], variable: str, path: tuple[str, ...], text: str) -> None:
    if path[0] not in Settings.model_fields:
        raise SettingsError(f"unknown environment variable {variable}: no section {path[0]!r}")
    target = data
    for key in path[:-1]:
        if target.get(key) is None:  # a section whose keys are all commented out
            target[key] = {}
        target = target[key]
        if not isinstance(target, dict):
            raise SettingsError(f"{variable}: {key!r} is not a section")
    target[path[-1]] = text if path[-1] == "api_key" else _value(variable, text)


def _value(variable: str, text: str) -> Any:
    """Read a variable as YAML. Its content is not repeated: it may be a secret in the wrong place."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{variable}: its value is not valid YAML") from error


def _absolute(data: dict[str, Any], folder: Path) -> None:
    if isinstance(data.get("home"), str):
        data["home"] = str(folder / data["home"])
    sections = [(data.get(section), key) for section, key in _PATHS]
    for key, section in (("api_key_file", "pools"), ("folder", "collections")):
        members = data.get(section)
        sections += [(member, key) for member in members.values()] if isinstance(members, dict) else []
    for holder, key in sections:
        if isinstance(holder, dict) and isinstance(holder.get(key), str):
            holder[key] = str(folder / holder[key])
    adapters = data.get("adapters")
    if isinstance(adapters, dict) and isinstance(adapters.get("trusted_keys"), list):
        adapters["trusted_keys"] = [str(folder / str(key)) for key in adapters["trusted_keys"]]


def _with_secrets(settings: Settings) -> Settings:
    """Read the key files once, here."""
    pools = {}
    for name, pool in settings.pools.items():
        if pool.api_key_file is not None:
            try:
                secret = pool.api_key_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"pools.{name}.api_key_file: {error}") from error
            if not secret:
                raise SettingsError(f"pools.{name}.api_key_file: {pool.api_key_file} is empty")
            pools[name] = pool.model_copy(update={"api_key": SecretStr(secret)})
        else:
            pools[name] = pool
    return settings.model_copy(update={"pools": pools})
