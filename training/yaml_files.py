"""Owns how every YAML file of a person is read: bounded, validated, and refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from training.errors import TrainingError

MAX_BYTES: Final = 4 * 1024 * 1024

_Model = TypeVar("_Model", bound=BaseModel)


def read_yaml(model: type[_Model], path: Path, refusal: type[TrainingError]) -> _Model:
    """Read and validate a file.

    Raises:
        TrainingError: of the class `refusal`: it cannot be read, is too large, is no YAML, or has a wrong or
            unknown key.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise refusal(f"{path}: larger than {MAX_BYTES} bytes")
        content = yaml.safe_load(raw.decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(f"{path}: cannot be read: {error}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise refusal(f"{path}: no valid YAML: {error}") from error
    return validated(model, content, str(path), refusal)


def validated(model: type[_Model], content: object, place: str, refusal: type[TrainingError]) -> _Model:
    """Validate what has been read; raises as `read_yaml`, with every wrong key."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(_sentence(one["loc"], one["msg"]) for one in error.errors())
        raise refusal(f"{place}: {wrong}") from error


def _sentence(where: tuple[int | str, ...], message: str) -> str:
    what = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, where))}: {what}" if where else what
