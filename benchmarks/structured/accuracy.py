"""What the grammar costs in accuracy: `python -m benchmarks.structured.accuracy --engine-url U --model M`.

The held-out invoices go to the engine itself with the task's prompt, once with the task's schema and once
without; the two alternate in small batches. Fields are scored as `firstline eval` scores them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from contracts.output import TextOutput
from contracts.task import Task
from training.config import load_task
from training.data.examples import Dataset, read_dataset
from training.evaluate.asking import Answer, Target, Through, ask_all
from training.evaluate.report import ModelReport, evaluation_report

ROOT = Path(__file__).resolve().parents[2]
TASK = ROOT / "examples" / "tasks" / "invoice-extract.yaml"
ALLOWED_LOSS = 0.01
SEED = 2026


def run(
    url: str, model: str, *, records: int = 200, concurrency: int = 8, data: Path | None = None
) -> dict[str, Any]:
    """Measure both ways; `ok` says that the grammar loses at most a point of fields."""
    task = load_task(TASK)
    dataset = read_dataset(data, task.output) if data else _made(records, task)
    dataset = Dataset(dataset.examples[:records], dataset.sha256)
    target = Target(url, model, Through.ENGINE, concurrency=concurrency)
    forced, free = asyncio.run(_asked(task, dataset, target))
    report = evaluation_report(task, dataset, [(target, forced), (target, free)])
    gain = report.comparisons[0]
    constrained, unconstrained = report.models
    return {
        "ok": not constrained.errors and not unconstrained.errors and gain.difference >= -ALLOWED_LOSS,
        "model": model,
        "records": report.records,
        "constrained": _row(constrained),
        "free": _row(unconstrained),
        "difference": {
            "value": round(gain.difference, 4),
            "low": round(gain.low, 4),
            "high": round(gain.high, 4),
        },
    }


async def _asked(task: Task, dataset: Dataset, target: Target) -> tuple[list[Answer], list[Answer]]:
    free_task = task.model_copy(update={"output": TextOutput()})
    forced: list[Answer] = []
    free: list[Answer] = []
    size = 2 * target.concurrency
    for start in range(0, len(dataset.examples), size):
        batch = dataset.examples[start : start + size]
        forced += await ask_all(task, batch, target, _nothing)
        free += await ask_all(free_task, batch, target, _nothing)
    return forced, free


def _nothing() -> None:
    """Nobody watches."""


def _row(report: ModelReport) -> dict[str, Any]:
    return {
        "fields_exact": round(report.fields_exact.rate, 4),
        "records_exact": round(report.records_exact.rate, 4),
        "schema_valid": round(report.schema_valid.rate, 4),
        "latency_p50_seconds": report.latency_seconds["p50"],
        "errors": report.errors,
    }


def _made(records: int, task: Task) -> Dataset:
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "heldout.jsonl"
        count = ("--count", str(records), "--seed", str(SEED), "--split", "heldout", "--out", str(rows))
        command = [sys.executable, "-m", "training.commands.data", "invoices", *count]
        subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)
        return read_dataset(rows, task.output)


def main() -> int:
    """Print one line of JSON; leave with 0 only when the target holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine-url", required=True, help="the engine, up to /v1")
    parser.add_argument("--model", required=True, help="the model or adapter as the engine names it")
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--data", type=Path, help="held-out rows; made from a seed by default")
    given = parser.parse_args()
    figures = run(
        given.engine_url, given.model, records=given.records, concurrency=given.concurrency, data=given.data
    )
    print(json.dumps({"check": "structured-accuracy", **figures}))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
