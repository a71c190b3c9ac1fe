"""Structured outputs, measured: `make bench-structured`.

Soundness and isolation need nothing; `--url` of a running gateway adds its answers, and `--engine-url` with
`--model` what the grammar costs in accuracy. The result goes to benchmarks/results/structured.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.structured import accuracy, engine, isolation, soundness

RESULT = Path(__file__).resolve().parents[1] / "results" / "structured.json"


def main() -> int:
    """Print one line of JSON; leave with 0 only when every target holds."""
    given = _options().parse_args()
    parts: dict[str, Any] = {
        "soundness": soundness.run(
            soundness.Plan(tuple(given.data), given.limit, given.rounds, seed=given.seed)
        ),
        "isolation": isolation.run(
            isolation.Plan(seconds=given.seconds, engine_seconds=given.engine_seconds, seed=given.seed)
        ),
    }
    if given.url:
        asked = {"prompts": given.prompts, "schemas": given.schemas, "concurrency": given.concurrency}
        parts["engine"] = engine.run(engine.Plan(given.url, given.base_model, seed=given.seed, **asked))
    if given.engine_url and given.model:
        parts["accuracy"] = accuracy.run(
            given.engine_url, given.model, records=given.records, concurrency=given.concurrency
        )
    is_ok = all(part["ok"] for part in parts.values())
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"ok": is_ok, **_machine(), **parts}, indent=1) + "\n")
    print(json.dumps({"check": "structured", "ok": is_ok, **_in_short(parts)}))
    return 0 if is_ok else 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-structured", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    sound = parser.add_argument_group("soundness")
    sound.add_argument("--data", type=Path, action="append", default=[], help="a file of rows, or a folder")
    sound.add_argument("--limit", type=int, help="rows of each --data")
    sound.add_argument("--rounds", type=int, default=3, help="hostile schemas of each family")
    isolated = parser.add_argument_group("isolation")
    isolated.add_argument("--seconds", type=float, default=60.0, help="measured of either kind")
    isolated.add_argument("--engine-seconds", type=float, default=0.1, help="what the scripted engine takes")
    asked = parser.add_argument_group("a running gateway")
    asked.add_argument("--url", help="the gateway, with or without /v1")
    asked.add_argument("--base-model", default=engine.MODEL, help="the model that is asked")
    asked.add_argument("--prompts", type=int, default=100)
    asked.add_argument("--schemas", type=int, default=20)
    asked.add_argument("--concurrency", type=int, default=8)
    scored = parser.add_argument_group("accuracy")
    scored.add_argument("--engine-url", help="the engine, up to /v1")
    scored.add_argument("--model", help="the model or adapter as the engine names it")
    scored.add_argument("--records", type=int, default=200)
    return parser


def _machine() -> dict[str, Any]:
    cpu = Path("/proc/cpuinfo")
    names = (
        [line for line in cpu.read_text().splitlines() if line.startswith("model name")]
        if cpu.exists()
        else []
    )
    shown = f"{len(names)} x {names[0].partition(':')[2].strip()}" if names else platform.machine()
    return {"date": datetime.now(UTC).date().isoformat(), "python": platform.python_version(), "cpu": shown}


def _in_short(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that the targets are set for."""
    sound, alone = parts["soundness"], parts["isolation"]
    short: dict[str, Any] = {
        "parts": {name: part["ok"] for name, part in parts.items()},
        "invalid_passed": sum(one["invalid_passed"] for one in sound["sets"].values()),
        "coverage": {name: one["coverage"] for name, one in sound["sets"].items()},
        "intake_ms": {name: one["intake_ms"] for name, one in sound["sets"].items()},
        "isolation_ratio": alone["ratio"],
        "hostile": alone["hostile"]["answers"],
    }
    if "engine" in parts:
        short["broken_successes"] = parts["engine"]["broken_successes"]
        short["repaired_share"] = parts["engine"]["repaired_share"]
    if "accuracy" in parts:
        short["accuracy_difference"] = parts["accuracy"]["difference"]
    return short


if __name__ == "__main__":
    sys.exit(main())
