"""The router's artifact: a folder with a manifest and the heads' weights, named by its content hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from contracts.canonical import content_hash, stable_bytes
from contracts.route import Action

MANIFEST_FILE = "manifest.json"
HEADS_FILE = "heads.safetensors"

ROUTE = "route"
"""The head that every bundle has: its classes are the tasks, `action:answer`, `action:tool` and
`action:escalate` for texts without a task, and `OUT_OF_SCOPE`. A bundle may have more heads; a reader leaves
alone what it does not know."""
OUT_OF_SCOPE = "(out-of-scope)"
ACTION_PREFIX = "action:"
ROW_ACTIONS = (Action.ANSWER, Action.TOOL, Action.ESCALATE)
"""Actions that a text without a task may have; `retrieve` needs a task, which names the collection."""

Share = Annotated[float, Field(ge=0, le=1)]
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Tensors = dict[str, npt.NDArray[np.generic]]


class RouterBundleError(Exception):
    """A bundle that is incomplete, altered, of another format, or made for another encoder."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HeadManifest(_Record):
    """One head: its classes in the order of its columns, its temperature, and each class's threshold."""

    labels: tuple[str, ...] = Field(min_length=1)
    temperature: float = Field(gt=0)
    thresholds: dict[str, Share]

    @model_validator(mode="after")
    def _covers_labels(self) -> Self:
        if set(self.thresholds) != set(self.labels) or len(set(self.labels)) != len(self.labels):
            raise ValueError("thresholds and labels must name the same classes, each once")
        return self


class BundleManifest(_Record):
    """What a bundle says of itself; `version` is the hash of all but itself and `created_at`.

    `task_actions` records what is done for each task, as it was when the bundle was fitted. `abstain_action`
    is taken when no class reaches its threshold and `escalate` is not more probable than `answer`.
    """

    schema_version: Literal[1] = 1
    version: str = ""
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    encoder_digest: Hex
    features_version: int
    fit_digest: Hex
    seed: int
    bucket_bits: int = Field(ge=8, le=20)
    heads: dict[str, HeadManifest]
    task_actions: dict[str, Action]
    abstain_action: Action = Action.ANSWER
    risk_target: Share
    keep_target: Share
    metrics: dict[str, float]

    @model_validator(mode="after")
    def _names_actions(self) -> Self:
        if ROUTE not in self.heads:
            raise ValueError(f"there is no head {ROUTE!r}")
        others = {OUT_OF_SCOPE, *(f"{ACTION_PREFIX}{action}" for action in ROW_ACTIONS)}
        if {*self.route.labels} - others != set(self.task_actions):
            raise ValueError("task_actions must name the tasks among the classes")
        return self

    @property
    def route(self) -> HeadManifest:
        """The head that decides."""
        return self.heads[ROUTE]


@dataclass(frozen=True, slots=True)
class HeadWeights:
    """A linear head: `dense` [dims, classes], `sparse` [buckets, classes], `bias` [classes]."""

    dense: npt.NDArray[np.float32]
    sparse: npt.NDArray[np.float16]
    bias: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle; `inverse_frequencies` [buckets] weighs the hashed features of every head."""

    manifest: BundleManifest
    inverse_frequencies: npt.NDArray[np.float32]
    heads: dict[str, HeadWeights]


def save_bundle(bundle: Bundle, folder: Path, created_at: datetime) -> BundleManifest:
    """Write a bundle, the manifest last, and return the manifest with its version filled in."""
    heads = save_tensors(_to_tensors(bundle))
    version = _version(bundle.manifest, heads)
    manifest = bundle.manifest.model_copy(update={"version": version, "created_at": created_at})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HEADS_FILE).write_bytes(heads)
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return manifest


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and verify its version against its content.

    Raises:
        RouterBundleError: a file is missing, does not parse, does not fit the others, or was altered.
    """
    try:
        manifest = BundleManifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
        heads = (folder / HEADS_FILE).read_bytes()
    except OSError as error:
        raise RouterBundleError(
            f"router bundle {folder.name!r}: {error.filename}: {error.strerror}"
        ) from error
    except ValidationError as error:
        raise RouterBundleError(f"router bundle {folder.name!r}: {MANIFEST_FILE}: {error}") from error
    found = _version(manifest, heads)
    if found != manifest.version:
        raise RouterBundleError(
            f"router bundle {folder.name!r}: its content has the hash {found}, "
            f"its manifest says {manifest.version!r}"
        )
    try:
        return _from_tensors(manifest, load_tensors(heads))
    except (SafetensorError, KeyError) as error:
        raise RouterBundleError(f"router bundle {folder.name!r}: {HEADS_FILE}: {error}") from error


def _version(manifest: BundleManifest, heads: bytes) -> str:
    named = manifest.model_dump(mode="json", exclude={"version", "created_at"})
    return content_hash(stable_bytes(named), heads)[:12]


def _to_tensors(bundle: Bundle) -> Tensors:
    tensors: Tensors = {"inverse_frequencies": bundle.inverse_frequencies}
    for name, head in bundle.heads.items():
        tensors |= {f"{name}.dense": head.dense, f"{name}.sparse": head.sparse, f"{name}.bias": head.bias}
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def _from_tensors(manifest: BundleManifest, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Bundle:
    buckets = 2**manifest.bucket_bits
    frequencies = tensors["inverse_frequencies"].astype(np.float32)
    if frequencies.shape != (buckets,):
        raise RouterBundleError(f"inverse_frequencies has the shape {frequencies.shape}, not ({buckets},)")
    heads = {name: _head(name, len(head.labels), tensors) for name, head in manifest.heads.items()}
    for name, head in heads.items():
        if head.sparse.shape[0] != buckets:
            raise RouterBundleError(f"the head {name!r} has {head.sparse.shape[0]} buckets, not {buckets}")
    return Bundle(manifest, frequencies, heads)


def _head(name: str, classes: int, tensors: Mapping[str, npt.NDArray[np.generic]]) -> HeadWeights:
    head = HeadWeights(
        tensors[f"{name}.dense"].astype(np.float32),
        tensors[f"{name}.sparse"].astype(np.float16),
        tensors[f"{name}.bias"].astype(np.float32),
    )
    parts = (head.dense, head.sparse, head.bias)
    if [part.ndim for part in parts] != [2, 2, 1] or any(part.shape[-1] != classes for part in parts):
        shapes = [part.shape for part in parts]
        raise RouterBundleError(f"the head {name!r} has {classes} classes, its weights are {shapes}")
    if not all(np.isfinite(part).all() for part in parts):
        raise RouterBundleError(f"the head {name!r} has weights that are not finite")
    return head
