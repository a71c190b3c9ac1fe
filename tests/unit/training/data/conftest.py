"""A workspace for builds: a task, a specification, files of rows, and a finder that needs no library."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from training.data.pipeline.personal import Span
from training.data.pipeline.run import BuiltDataset, build_dataset

CHOICES = ("billing", "shipping", "other")
INVOICE = {
    "type": "object",
    "properties": {
        "number": {"type": ["string", "null"]},
        "total": {"type": ["number", "null"]},
    },
    "required": ["number", "total"],
    "additionalProperties": False,
}


class PatternFinder:
    """Finds e-mail addresses and card numbers by two plain patterns."""

    def __init__(self) -> None:
        self._patterns = {
            "EMAIL_ADDRESS": re.compile(r"[\w.]+@[\w.]+\w"),
            "CREDIT_CARD": re.compile(r"\d{16}"),
        }

    def find(self, text: str) -> list[Span]:
        spans = [
            Span(entity, match.start(), match.end())
            for entity, pattern in self._patterns.items()
            for match in pattern.finditer(text)
        ]
        return sorted(spans, key=lambda span: span.start)


@dataclass
class Workspace:
    """A folder with a task and what a specification says; `build` writes the files and builds."""

    folder: Path
    output: dict[str, Any] = field(default_factory=lambda: {"kind": "choice", "choices": list(CHOICES)})
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def write(self, name: str, rows: Sequence[object]) -> Path:
        path = self.folder / name
        lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return path

    def spec_file(self, **changes: Any) -> Path:
        task = {"name": "made-up", "description": "-", "base_model": "small", "output": self.output}
        (self.folder / "task.yaml").write_text(yaml.safe_dump(task), "utf-8")
        spec = {
            "name": "rows",
            "task": "task.yaml",
            "sources": [{"path": "rows.jsonl", "licence": "CC0-1.0"}],
            "duplicates": {"semantic": None},
            "split": {"train": 0.6, "validation": 0.2, "test": 0.2},
            "out": "out",
            **self.spec,
            **changes,
        }
        path = self.folder / "spec.yaml"
        path.write_text(yaml.safe_dump(spec), "utf-8")
        return path

    def build(self, rows: Sequence[object] = (), **changes: Any) -> BuiltDataset:
        if rows:
            self.write("rows.jsonl", rows)
        return build_dataset(
            self.spec_file(**changes),
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            finder=PatternFinder(),
        )


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def kept(built: BuiltDataset) -> list[dict[str, Any]]:
    return [
        row for name in ("train", "validation", "test") for row in lines_of(built.folder / f"{name}.jsonl")
    ]


def reasons(built: BuiltDataset) -> dict[str, str]:
    """Why each rejected row went, by its id or place."""
    return {row["id"] or row["place"]: row["reason"] for row in lines_of(built.folder / "rejected.jsonl")}


def tickets(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows with texts that are alike in nothing; at most 1,000."""
    words = ["amber", "bottle", "candle", "drawer", "engine", "feather", "garden", "hammer", "isle", "jacket"]
    rows = []
    for number in range(start, start + count):
        first, second, third = words[number % 10], words[number // 10 % 10], words[number // 100]
        text = f"{first} before {second}, {third} after {words[(7 * number + 3) % 10]}"
        rows.append({"id": f"t{number}", "text": text, "output": CHOICES[number % 3]})
    return rows


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)
