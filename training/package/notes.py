"""Owns release notes: what changed against the version before, in recipe, data and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.artifact import Provenance
from contracts.dataset import DatasetManifest
from contracts.evaluation import GateReport
from training.package._markdown import number, plain, table
from training.package.adapter import read_adapter
from training.package.origin import read_provenance
from training.package.records import read_data_record, read_recipe_values, read_report, read_training

_MAX_ROWS = 200


@dataclass(frozen=True, slots=True)
class Release:
    """What one version's folder says of itself."""

    name: str
    digest: str
    provenance: Provenance | None
    recipe: Mapping[str, Any]
    training: Mapping[str, Any]
    data: DatasetManifest | None
    report: GateReport | str


def read_release(folder: Path) -> Release:
    """Read a version's folder.

    Raises:
        PackageError: it is no adapter, or holds a document that is not valid.
    """
    adapter = read_adapter(folder)
    provenance = read_provenance(folder)
    return Release(
        name=f"{provenance.task if provenance else folder.resolve().name}@{adapter.version}",
        digest=adapter.digest,
        provenance=provenance,
        recipe=_flat(read_recipe_values(folder)),
        training=read_training(folder),
        data=read_data_record(folder),
        report=read_report(folder, adapter.digest),
    )


def release_notes(new: Release, old: Release | None) -> str:
    """The notes in Markdown; without a version before, that there is none."""
    title = [f"# {plain(new.name)}", ""]
    if old is None:
        return "\n".join([*title, "The first version: there is none to compare it with.", ""])
    if new.digest == old.digest:
        return "\n".join([*title, f"The same weights as {plain(old.name)}.", ""])
    return "\n".join(
        [
            *title,
            f"Changes against {plain(old.name)}.",
            "",
            "## Recipe",
            "",
            *_recipe_changes(new, old),
            "",
            "## Data",
            "",
            *table(("", "before", "now"), _data_rows(new, old)),
            "",
            "## Metrics",
            "",
            *_metric_changes(new.report, old.report),
            "",
        ]
    )


def _recipe_changes(new: Release, old: Release) -> list[str]:
    if not new.recipe or not old.recipe:
        return ["One of the versions has no recipe."]
    keys = sorted({*new.recipe, *old.recipe})
    changed = [
        (key, old.recipe.get(key, "–"), new.recipe.get(key, "–"))
        for key in keys
        if new.recipe.get(key) != old.recipe.get(key)
    ]
    return table(("key", "before", "now"), changed[:_MAX_ROWS]) if changed else ["No value changed."]


def _data_rows(new: Release, old: Release) -> list[tuple[str, str, str]]:
    def of(release: Release) -> dict[str, str]:
        known = release.provenance
        rows = {"dataset": known.dataset, "SHA-256": known.dataset_sha256} if known else {}
        if release.data is not None:
            rows |= {f"rows, {name}": str(one.rows) for name, one in sorted(release.data.splits.items())}
        elif "examples" in release.training:
            rows["rows, train"] = str(release.training["examples"])
        return rows

    before, now = of(old), of(new)
    return [(key, before.get(key, "–"), now.get(key, "–")) for key in {**now, **before}]


def _metric_changes(new: GateReport | str, old: GateReport | str) -> list[str]:
    if isinstance(new, str):
        return [f"This version: {plain(new)}."]
    if isinstance(old, str):
        return [f"The version before: {plain(old)}."]
    lines = [f"Verdict: {old.verdict.value} before, {new.verdict.value} now."]
    if new.spec_sha256 != old.spec_sha256:
        lines += [
            "",
            "The two were judged by different specifications; their figures are not to be compared.",
        ]
    before = {(one.metric, one.slice): one.value for one in old.metrics}
    rows = [
        (one.metric, one.slice or "all", number(before.get((one.metric, one.slice))), number(one.value))
        for one in new.metrics
    ]
    return [*lines, "", *table(("metric", "slice", "before", "now"), rows[:_MAX_ROWS])]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots, so that two recipes compare value by value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
