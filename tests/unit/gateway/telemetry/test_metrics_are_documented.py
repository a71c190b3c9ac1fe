"""The table of metrics in gateway/telemetry/README.md is the code's."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from gateway.telemetry.engines import EngineCollector
from gateway.telemetry.metrics import Metrics

README = Path(__file__).resolve().parents[4] / "gateway/telemetry/README.md"


def _documented() -> dict[str, tuple[str, ...]]:
    rows: dict[str, tuple[str, ...]] = {}
    row = re.compile(r"^\| (`firstline_[^|]+) \| ([^|]*)\|$", re.MULTILINE)
    for names, labels in row.findall(README.read_text()):
        for name in re.findall(r"`([a-z_]+)`", names):
            rows[name] = tuple(label.strip() for label in labels.split(",") if label.strip())
    return rows


def test_the_table_lists_every_metric_with_its_labels() -> None:
    metrics = Metrics(CollectorRegistry())
    exported = {}
    for value in vars(metrics).values():
        if hasattr(value, "_labelnames"):
            family = next(iter(value.describe()))
            suffix = "_total" if family.type == "counter" else ""
            exported[family.name + suffix] = tuple(value._labelnames)
    for family in EngineCollector([]).collect():
        exported[family.name] = ("engine",)
    assert _documented() == exported
