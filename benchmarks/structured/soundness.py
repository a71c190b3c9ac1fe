"""Soundness and coverage of schema intake, and its time: `python -m benchmarks.structured.soundness`.

The hand-written corpus and any `--data` are judged in this process; then every schema, and hostile ones,
go through the worker processes as requests' own schemas do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmarks.structured.adversarial import FAMILIES, hostile
from benchmarks.structured.sent import differing
from benchmarks.structured.walks import walked
from contracts.output import JsonSchemaOutput
from gateway.errors import OverloadedError, SchemaUnsupportedError
from gateway.intake.fork_server import ForkServer
from gateway.intake.intake import Intake, IntakeWorkers
from gateway.intake.limits import Limits
from gateway.intake.rows import Row, RowError, files_under, loads, read_rows
from gateway.intake.soundness import RowResult, judge, milliseconds, summary
from gateway.intake.workers import Workers, WorkerSettings

CORPUS = Path(__file__).parent / "corpus" / "handwritten.jsonl"
REFUSAL_SECONDS = 0.05


@dataclass(frozen=True)
class Plan:
    """What is measured; `limit` bounds the rows of each of `data`, `rounds` the hostile schemas of a family.

    `walks` go through the grammar of each hand-written schema.
    """

    data: tuple[Path, ...] = ()
    limit: int | None = None
    rounds: int = 3
    walks: int = 20
    seed: int = 1


@dataclass
class Timed:
    """What came of schemas in the worker: seconds by answer, and refusals that took too long."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    slow_refusals: list[tuple[float, str]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, answer: str, seconds: float) -> None:
        """Note one."""
        self.seconds.setdefault(answer, []).append(seconds)
        if answer == "refused" and seconds > REFUSAL_SECONDS:
            self.slow_refusals.append((round(1000 * seconds, 1), name))
        if answer == "too costly":
            self.given_up.append(name)

    def figures(self) -> dict[str, Any]:
        """Counts and times by answer, the slowest refusals first."""
        return {
            "answers": {name: len(values) for name, values in self.seconds.items()},
            "ms": {name: milliseconds(values) for name, values in self.seconds.items()},
            "refusals_over_50_ms": len(self.slow_refusals),
            "slowest_refusals_ms": sorted(self.slow_refusals, reverse=True)[:20],
            "too_costly": self.given_up,
            "faults": dict(self.faults),
        }


def run(plan: Plan) -> dict[str, Any]:
    """Measure; `ok` says that nothing invalid passes and that every refusal is typed and quick."""
    sets = {"handwritten": list(read_rows(CORPUS))}
    sets |= {path.name: list(islice(_rows(path), plan.limit)) for path in plan.data}
    figures: dict[str, Any] = {name: _judged(rows) for name, rows in sets.items()}
    schemas = [(row.id, row.schema) for rows in sets.values() for row in rows]
    known, attack = asyncio.run(_through_workers(schemas, list(_hostile(plan))))
    crashed = {name for one in figures.values() for name in one["crashes"]}
    sent = differing((name, schema) for name, schema in schemas if name not in crashed)
    own = [row for row in sets["handwritten"] if row.id not in crashed]
    timed = {"schemas": known.figures(), "hostile": attack.figures()}
    is_typed = not known.faults and not attack.faults
    is_quick = not known.slow_refusals and not attack.slow_refusals and not known.given_up
    return {
        "ok": all(one["ok"] for one in figures.values()) and is_typed and is_quick and not sent,
        "sets": figures,
        "sent_differs": sent,
        "walks": walked(own, plan.walks, plan.seed),
        "workers": timed,
    }


def _judged(rows: Sequence[Row]) -> dict[str, Any]:
    results: list[RowResult] = []
    crashes: dict[str, str] = {}
    for row in rows:
        try:
            results.append(judge(row))
        except Exception as error:  # noqa: BLE001 - a crash is a finding, and the other rows are to be judged
            crashes[row.id] = f"{type(error).__name__}: {error}"[:300]
    figures = summary(results)
    return {**figures, "ok": figures["ok"] and not crashes, "crashes": crashes}


def _rows(path: Path) -> Iterator[Row]:
    for file in files_under(path):
        yield from read_rows(file)


def _hostile(plan: Plan) -> Iterator[tuple[str, Any]]:
    """What a request's body could hold; the rest is no JSON, or nested deeper than a body may be."""
    for family, text in islice(hostile(plan.seed), plan.rounds * len(FAMILIES)):
        try:
            yield family, loads(text)
        except ValueError:
            continue


async def _through_workers(
    schemas: Sequence[tuple[str, Any]], attack: Sequence[tuple[str, Any]]
) -> tuple[Timed, Timed]:
    server = ForkServer(memory_bytes=1024**3, cpu_seconds=5)
    settings = WorkerSettings()
    workers = IntakeWorkers(Workers(settings, server), Workers(settings, server))
    async with workers.vetting.running(), workers.proving.running():
        intake = Intake(workers, None, limits=Limits())
        await intake.compile(JsonSchemaOutput(kind="json_schema", json_schema={"title": "warm"}))
        return await _timed(intake, schemas), await _timed(intake, attack)


async def _timed(intake: Intake, schemas: Sequence[tuple[str, Any]]) -> Timed:
    """One at a time, so that nothing waits for a worker."""
    timed = Timed()
    for name, schema in schemas:
        try:
            contract = JsonSchemaOutput(kind="json_schema", json_schema=schema)
        except ValidationError:
            continue  # the request's own reader refuses what is no object and no boolean
        started = time.perf_counter()
        try:
            answer = str((await intake.compile(contract)).verdict.kind)
        except SchemaUnsupportedError as error:
            # A worker that died, of whatever, is told apart from a refusal on sight.
            answer = "too costly" if "too costly to vet" in error.message else "refused"
        except OverloadedError:
            answer = "overloaded"
        except Exception as error:  # noqa: BLE001 - whatever else comes out is what is looked for
            answer = "fault"
            timed.faults[f"{name}: {type(error).__name__}: {error}"[:300]] += 1
        timed.add(name, answer, time.perf_counter() - started)
    return timed


def main() -> int:
    """Print one line of JSON; leave with 0 only when the targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, action="append", default=[], help="a file of rows, or a folder")
    parser.add_argument("--limit", type=int, help="rows of each --data")
    parser.add_argument("--rounds", type=int, default=Plan.rounds, help="hostile schemas of each family")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    given = parser.parse_args()
    try:
        figures = run(Plan(tuple(given.data), given.limit, given.rounds, seed=given.seed))
    except RowError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"check": "structured-soundness", **figures}))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
