"""From a file of rows to a gated version that serves: `python -m benchmarks.raw_to_gated`.

Runs the commands that a team runs, one after the other, against a gateway that is up: `data build`, `train`
(which packages), `adapter register`, `eval run`, `adapter attach`, `adapter promote`; then the task is rolled
back to the version that it had. Without options the rows are 300 made-up support tickets. Ends with one line
of JSON and exits 0 only when the gate opened.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKETS = Path(__file__).with_name("tickets")
FIRSTLINE = (sys.executable, "-m", "launcher.cli")
ROWS = 300
SEED = 11


def main() -> int:
    """Run the steps, each timed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a specification for `firstline data build`")
    parser.add_argument("--recipe", type=Path, help="a recipe for `firstline train`")
    parser.add_argument("--evaluation", type=Path, help="a specification for `firstline eval`")
    parser.add_argument(
        "--golden", type=Path, help="where the specification reads the test split, if it does"
    )
    parser.add_argument("--baseline", default="base", help="stable or base")
    parser.add_argument("--base", type=Path, help="the base model's folder, in place of the recipe's")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--keep", type=Path, help="a folder for dataset, adapter and report")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            line = _measured(given, folder)
        except _StepError as error:
            line = {"ok": False, "failed": str(error)}
    print(json.dumps({"check": "raw_to_gated", **line}))
    return 0 if line["ok"] else 1


class _StepError(Exception):
    """A command that did not end with status 0."""


def _measured(given: argparse.Namespace, folder: Path) -> dict[str, object]:
    data, recipe, evaluation = given.data, given.recipe, given.evaluation
    if data is None:
        rows = str(TICKETS / "rows.jsonl")
        count = ("--count", str(ROWS), "--seed", str(SEED))
        _firstline("data", "tickets", *count, "--split", "train", "--out", rows)
        data, recipe, evaluation = (TICKETS / f"{part}.yaml" for part in ("data", "recipe", "evaluation"))
    seconds: dict[str, float] = {}
    with _timed(seconds, "data"):
        dataset = Path(_firstline("data", "build", str(data), "--out", str(folder / "data")).splitlines()[-1])
    if given.golden:
        shutil.copyfile(dataset / "test.jsonl", given.golden)
    adapter, report = folder / "adapter", folder / "evaluation-report.json"
    base = ("--base", str(given.base)) if given.base else ()
    with _timed(seconds, "train"):
        _firstline("train", str(recipe), "--data", str(dataset), "--out", str(adapter), "--restart", *base)
    with _timed(seconds, "register"):
        task = json.loads((adapter / "provenance.json").read_text("utf-8"))["task"]
        asked = (str(adapter), "--task", task, "--no-promote", "--url", given.url)
        name = _firstline("adapter", "register", *asked).split()[0]
    with _timed(seconds, "eval"):
        _firstline("eval", "freeze", str(evaluation))
        asked = ("--candidate", name, "--baseline", given.baseline, "--url", f"{given.url}/v1")
        _firstline("eval", "run", str(evaluation), *asked, "--out", str(report))
    with _timed(seconds, "promote"):
        _firstline("adapter", "attach", name, str(report), "--url", given.url)
        _firstline("adapter", "promote", name, "--url", given.url)
    _firstline("adapter", "rollback", task, "--url", given.url)
    found = json.loads(report.read_text("utf-8"))
    steps = {step: round(taken, 1) for step, taken in seconds.items()}
    return {
        "ok": True,
        "version": name,
        "rows": sum(1 for _ in (dataset / "train.jsonl").open(encoding="utf-8")),
        "golden_rows": found["records"],
        "total_seconds": round(sum(seconds.values()), 1),
        "seconds": steps,
        "metrics": {one["metric"]: round(one["value"], 4) for one in found["metrics"] if not one["slice"]},
        "device": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[step] = time.monotonic() - started
    print(f"{step}: {seconds[step]:.1f} s", file=sys.stderr, flush=True)


def _firstline(*arguments: str) -> str:
    done = subprocess.run([*FIRSTLINE, *arguments], stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        raise _StepError(f"firstline {' '.join(arguments[:2])} ended with status {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
