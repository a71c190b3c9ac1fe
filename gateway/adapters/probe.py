"""The generation that proves an adapter on an engine: read from its folder, compared with an answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from contracts.artifact import PROBE_FILE, Probe
from gateway.errors import AdapterRefusedError

MAX_PROBE_BYTES: Final = 256 * 1024


def read_probe(folder: Path) -> Probe | None:
    """The probe of an adapter folder; None where it has none. Blocks.

    Raises:
        AdapterRefusedError: the file is a link, too large, or says something else.
    """
    try:
        # A link could lead out of the folder, and a pipe would never end.
        with open(folder / PROBE_FILE, "rb", opener=_open_plain) as file:
            raw = file.read(MAX_PROBE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AdapterRefusedError(f"{PROBE_FILE}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_PROBE_BYTES:
        raise AdapterRefusedError(f"{PROBE_FILE}: is over {MAX_PROBE_BYTES} bytes")
    try:
        return Probe.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise AdapterRefusedError(f"{PROBE_FILE}: {f'{place}: ' if place else ''}{first['msg']}") from error


def judge_probe(probe: Probe, answered: str) -> None:
    """Compare what an engine wrote with what the adapter wrote where it was trained.

    Raises:
        AdapterRefusedError: it is the base model's answer, or shares too little from the start.
    """
    is_telling = probe.base_completion not in (None, probe.completion)
    if is_telling and answered == probe.base_completion:
        raise AdapterRefusedError(
            "the engine answers the probe as the bare base model does: it has not applied the adapter"
        )
    shared = _shared_chars(answered, probe.completion) / len(probe.completion)
    if shared < probe.min_shared_ratio:
        raise AdapterRefusedError(
            f"the engine answers the probe otherwise than where the adapter was trained: {shared:.0%} of the "
            f"expected answer from its start, at least {probe.min_shared_ratio:.0%} is needed"
        )


def _shared_chars(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _open_plain(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
