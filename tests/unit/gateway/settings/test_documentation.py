"""Every setting stands in `examples/firstline.yaml`, and everything there is a setting."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from gateway.settings import Settings
from gateway.settings_load import load_settings

EXAMPLE = Path(__file__).parents[4] / "examples" / "firstline.yaml"
COMMENTED = re.compile(r"^( *)# ( *(?:- )?[a-z][a-z_0-9]*:(?: .*)?)$")


def uncommented() -> dict[str, Any]:
    """The example with its commented settings switched on."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    switched_on = [COMMENTED.sub(r"\1\2", line) for line in lines]
    data: dict[str, Any] = yaml.safe_load("\n".join(switched_on))
    return data


def models(kind: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The sections behind an annotation, with `*` where a name or a place in a list stands between."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield "", kind
        return
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        for part in inner:
            yield from models(part)
    elif origin is Annotated:
        yield from models(inner[0])
    elif origin in (tuple, dict):
        for part in inner:
            for between, model in models(part):
                yield f".*{between}", model


def of_model(model: type[BaseModel], at: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{at}{name}"
        for between, inner in models(field.annotation):
            yield from of_model(inner, f"{at}{name}{between}.")


def of_example(value: Any, model: type[BaseModel], at: str = "") -> Iterator[str]:
    for name, item in value.items():
        yield f"{at}{name}"
        field = model.model_fields.get(name)
        for between, inner in models(field.annotation) if field else ():
            held = [item] if not between else item if isinstance(item, list) else list(item.values())
            for part in held:
                yield from of_example(part, inner, f"{at}{name}{between}.")


def test_the_walk_reaches_every_depth() -> None:
    assert {"server.port", "pools.*.engines.*.url", "collections.*.folder", "pools.*.prices"} <= set(
        of_model(Settings)
    )


def test_every_setting_is_in_the_example_and_the_example_holds_nothing_else() -> None:
    assert set(of_example(uncommented(), Settings)) == set(of_model(Settings))


def test_the_example_loads_as_it_is() -> None:
    settings = load_settings(EXAMPLE, {})
    assert settings.pools["smollm2"].engines[0].url == "http://127.0.0.1:8100"
    assert settings.tasks is not None
    assert settings.tasks.folder == EXAMPLE.parent / "tasks"


def test_the_example_is_sound_with_everything_switched_on() -> None:
    assert Settings.model_validate(uncommented()).escalation is not None


@pytest.mark.parametrize("section", ["server", "log"])
def test_the_values_of_the_example_are_the_defaults(section: str) -> None:
    default = Settings.model_fields[section].default
    assert default.model_dump() == type(default).model_validate(uncommented()[section]).model_dump()
