"""Whether hostile schemas slow down everybody else: `python -m benchmarks.structured.isolation`.

Ordinary requests (a task whose schema is known) arrive at a steady rate before a scripted engine. Windows
without and with hostile schemas alternate within one run; latency counts from the time at which a request
was due, so that a stall is not hidden by requests that wait to be sent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.structured.served import ROOT, Served, served

TARGET_RATIO = 1.10
WARM_UP_SECONDS = 3.0
TEXT = "Invoice A-1029 issued on Jan 14, 2026. Total amount due USD 1,248.50. Vendor: Acme Supplies."


@dataclass(frozen=True)
class Plan:
    """`seconds` are measured of either kind, in windows of `window_seconds`; rates are per second."""

    seconds: float = 60.0
    window_seconds: float = 5.0
    rate: float = 20.0
    hostile_rate: float = 20.0
    engine_seconds: float = 0.1
    seed: int = 1


@dataclass
class Windows:
    """What the windows of one kind gave."""

    latencies: list[list[float]] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)


def run(plan: Plan) -> dict[str, Any]:
    """Measure; `ok` says that the ratios hold and that no hostile request met a fault of ours."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), plan.engine_seconds) as gateway:
        return asyncio.run(_measure(plan, gateway))


async def _measure(plan: Plan, gateway: Served) -> dict[str, Any]:
    rounds = math.ceil(plan.seconds / plan.window_seconds)
    attacker = _Attacker(plan, gateway.url, rounds)
    quiet, attacked = Windows(), Windows()
    answers: list[dict[str, Any]] = []
    async with aiohttp.ClientSession(gateway.url) as session:
        await _steady(session, plan, WARM_UP_SECONDS, Windows())
        before = gateway.rss_megabytes()
        for _ in range(rounds):
            await _steady(session, plan, plan.window_seconds, quiet)
            _, sent = await asyncio.gather(
                _steady(session, plan, plan.window_seconds, attacked),
                asyncio.to_thread(attacker.attack, plan.window_seconds),
            )
            answers.append(sent)
        after = gateway.rss_megabytes()
    attacker.close()
    return _figures(plan, quiet, attacked, answers) | {"rss_mb": {"before": before, "after": after}}


async def _steady(session: aiohttp.ClientSession, plan: Plan, seconds: float, into: Windows) -> None:
    latencies: list[float] = []
    started = time.perf_counter()
    tasks = []
    for number in range(int(plan.rate * seconds)):
        due = started + number / plan.rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(_ask(session, due, latencies, into.failed)))
    await asyncio.gather(*tasks)
    into.latencies.append(latencies)


async def _ask(
    session: aiohttp.ClientSession, due: float, latencies: list[float], failed: Counter[str]
) -> None:
    body = {"model": "invoice-extract", "messages": [{"role": "user", "content": TEXT}]}
    try:
        async with session.post("/v1/chat/completions", json=body) as response:
            await response.read()
            status = response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        failed[type(error).__name__] += 1
        return
    if status != 200:
        failed[str(status)] += 1
        return
    latencies.append(time.perf_counter() - due)


class _Attacker:
    """The process that sends the hostile requests."""

    def __init__(self, plan: Plan, url: str, rounds: int) -> None:
        total = math.ceil(plan.hostile_rate * plan.window_seconds) * rounds
        module = "benchmarks.structured.attacker"
        arguments = (url, str(plan.hostile_rate), str(total), str(plan.seed))
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._line()

    def attack(self, seconds: float) -> dict[str, Any]:
        """Send for one window, and wait for all of its answers."""
        assert self._process.stdin is not None
        print(seconds, file=self._process.stdin, flush=True)
        return dict(json.loads(self._line()))

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=20)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the attacker has died")
        return line


def _figures(
    plan: Plan, quiet: Windows, attacked: Windows, answers: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    statuses, families = Counter[str](), Counter[str]()
    for window in answers:
        statuses.update(window["answers"])
        families.update(window["families"])
    faults = {
        answer: n for answer, n in statuses.items() if answer.startswith("500") or not answer[0].isdigit()
    }
    without, under = _percentiles(quiet.latencies), _percentiles(attacked.latencies)
    ratio = {name: round(under[name] / without[name], 3) for name in without}
    # The same ratio between windows of the same kind: what this machine's own noise amounts to.
    noise = _percentiles(quiet.latencies[::2]), _percentiles(quiet.latencies[1::2] or quiet.latencies)
    is_unhurt = not faults and not quiet.failed and not attacked.failed
    return {
        "ok": is_unhurt and max(ratio["p50"], ratio["p99"]) < TARGET_RATIO,
        "requests": {"quiet": _count(quiet), "attacked": _count(attacked)},
        "quiet_ms": without,
        "attacked_ms": under,
        "ratio": ratio,
        "noise_ratio": {name: round(noise[0][name] / noise[1][name], 3) for name in without},
        "engine_ms": 1000 * plan.engine_seconds,
        "failed": {"quiet": dict(quiet.failed), "attacked": dict(attacked.failed)},
        "hostile": {
            "sent": sum(window["sent"] for window in answers),
            "answers": dict(statuses.most_common()),
            "faults": {name: n for name, n in families.items() if name.partition(": ")[2] in faults},
            "answer_ms": _percentiles([window["seconds"] for window in answers]),
        },
        "families": dict(sorted(families.items())),
    }


def _count(windows: Windows) -> int:
    return sum(map(len, windows.latencies))


def _percentiles(windows: Sequence[Sequence[float]]) -> dict[str, float]:
    ordered = sorted(value for window in windows for value in window)
    if not ordered:
        return {}
    ranks = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {n: round(1000 * ordered[math.ceil(r * len(ordered)) - 1], 2) for n, r in ranks.items()}


def main() -> int:
    """Print one line of JSON; leave with 0 only when the targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    parser.add_argument("--rate", type=float, default=Plan.rate)
    parser.add_argument("--hostile-rate", type=float, default=Plan.hostile_rate)
    parser.add_argument("--engine-seconds", type=float, default=Plan.engine_seconds)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    given = parser.parse_args()
    figures = run(
        Plan(
            seconds=given.seconds,
            rate=given.rate,
            hostile_rate=given.hostile_rate,
            engine_seconds=given.engine_seconds,
            seed=given.seed,
        )
    )
    print(json.dumps({"check": "structured-isolation", **figures}))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
