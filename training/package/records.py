"""Owns reading what a package's folder holds beside the weights, each within its bound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from contracts.dataset import DatasetManifest
from contracts.evaluation import REPORT_FILE, GateReport
from training.errors import PackageError

RECIPE_FILE: Final = "recipe.yaml"
TRAINING_FILE: Final = "training-report.json"
MODEL_CARD_FILE: Final = "model-card.md"
DATA_CARD_FILE: Final = "data-card.md"
DATA_RECORD_FILE: Final = "data-card.json"
"""The manifest of the dataset, as it stands in the dataset's folder."""
NOTES_FILE: Final = "release-notes.md"
_MAX_BYTES: Final = 64 * 1024 * 1024


def read_bounded(path: Path) -> bytes | None:
    """The bytes of a file; None where it is missing.

    Raises:
        PackageError: it is a link, too large, or cannot be read.
    """
    if path.is_symlink():
        raise PackageError(f"{path}: is a link; a package holds files")
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PackageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > _MAX_BYTES:
        raise PackageError(f"{path}: is over {_MAX_BYTES:,} bytes")
    return content


def read_training(folder: Path) -> dict[str, Any]:
    """The training report's figures; empty where there is none, as for adapters from elsewhere.

    Raises:
        PackageError: it is there and no JSON object.
    """
    content = read_bounded(folder / TRAINING_FILE)
    if content is None:
        return {}
    try:
        figures = json.loads(content)
    except ValueError as error:
        raise PackageError(f"{folder / TRAINING_FILE}: no valid JSON: {error}") from error
    if not isinstance(figures, dict):
        raise PackageError(f"{folder / TRAINING_FILE}: no JSON object")
    return figures


def read_report(folder: Path, adapter_digest: str) -> GateReport | str:
    """The gate's report on these weights; in its place the reason, where there is none that counts."""
    content = read_bounded(folder / REPORT_FILE)
    if content is None:
        return "not evaluated yet"
    try:
        report = GateReport.model_validate_json(content)
    except ValidationError:
        return f"{REPORT_FILE} is no report of the gate"
    if report.candidate.adapter_digest != adapter_digest:
        return f"{REPORT_FILE} judges other weights"
    return report


def read_data_record(folder: Path) -> DatasetManifest | None:
    """The manifest of the dataset; None where the adapter was trained on plain files.

    Raises:
        PackageError: it is there and not valid.
    """
    content = read_bounded(folder / DATA_RECORD_FILE)
    if content is None:
        return None
    try:
        return DatasetManifest.model_validate_json(content)
    except ValidationError as error:
        raise PackageError(f"{folder / DATA_RECORD_FILE}: is no dataset's manifest: {error}") from error


def read_recipe_values(folder: Path) -> dict[str, Any]:
    """The recipe's values as written; empty where there is none.

    Raises:
        PackageError: it is there and no YAML mapping.
    """
    content = read_bounded(folder / RECIPE_FILE)
    if content is None:
        return {}
    try:
        values = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PackageError(f"{folder / RECIPE_FILE}: no valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise PackageError(f"{folder / RECIPE_FILE}: no YAML mapping")
    return values
