"""More adapters than fit, on a real engine: `python -m benchmarks.adapters.residency`.

The same load three times over, in turns: clients ask a few hot adapters, and one client asks others at a
fixed pace. In `slots` the others are hot ones too and all fit the engine's `--max-loras`; in `resident` they
are more than that, all loaded; in `churn` they are more than the engine holds, so that each is loaded on
demand in place of another. Compared is what the requests to hot adapters take.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.adapters.asking import Answer, ask, at_share, session_for
from benchmarks.adapters.copies import make_copies
from benchmarks.adapters.stage import (
    EnginePlan,
    Running,
    default_plan,
    engine,
    gateway,
    make_markers,
    register,
)
from gateway.settings import PoolSettings
from launcher.engine import MAX_CPU_LORAS

RESULT = Path(__file__).resolve().parents[1] / "results" / "adapter_residency.json"
PHASES = ("slots", "resident", "churn")


@dataclass(frozen=True)
class Plan:
    """How many adapters of each sort, and how they are asked; `pace_seconds` between the others' requests."""

    slots: int = 4
    places: int = 8
    adapters: int = 16
    hot: int = 3
    seconds: float = 20.0
    rounds: int = 2
    pace_seconds: float = 1.0


@dataclass
class Phase:
    """The answers of one phase, over all its rounds."""

    hot: list[Answer] = field(default_factory=list)
    others: list[Answer] = field(default_factory=list)


def run(running: Running, folder: Path, sources: Mapping[str, Path], plan: Plan) -> dict[str, Any]:
    """Register all adapters, play the phases, and judge every reply."""
    with gateway(folder, running.url, max_resident_adapters=plan.places) as url:
        words = {register(url, path): word for word, path in sources.items()}
        hot = list(words)[: plan.hot]
        asyncio.run(_warm(url, hot))
        before = running.opened()
        phases = asyncio.run(_play(url, list(words), plan))
    opened = running.opened() - before
    answers = [answer for phase in phases.values() for answer in (*phase.hot, *phase.others)]
    p95 = {
        name: at_share([a.seconds for a in phase.hot if a.status == "200"], 0.95)
        for name, phase in phases.items()
    }
    return {
        "requests": len(answers),
        "failed": dict(Counter(answer.status for answer in answers if answer.status != "200")),
        "wrong_answers": sum(not _is_right(answer, words) for answer in answers if answer.status == "200"),
        "hot_p50_ms": {name: _at(phase.hot, 0.5) for name, phase in phases.items()},
        "hot_p95_ms": p95,
        "others_p50_ms": {name: _at(phase.others, 0.5) for name, phase in phases.items()},
        "others_p95_ms": {name: _at(phase.others, 0.95) for name, phase in phases.items()},
        "churn_to_resident_p95": _ratio(p95["churn"], p95["resident"]),
        "resident_to_slots_p95": _ratio(p95["resident"], p95["slots"]),
        "files_opened": opened.total() if running.log else None,
        "hot_files_opened_again": sum(opened[name] for name in hot) if running.log else None,
    }


async def _warm(url: str, names: Sequence[str]) -> None:
    async with session_for(url) as session:
        for name in names:
            await ask(session, name)


async def _play(url: str, names: Sequence[str], plan: Plan) -> dict[str, Phase]:
    phases = {name: Phase() for name in PHASES}
    hot = names[: plan.hot]
    others = {
        "slots": hot,
        "resident": names[plan.hot : plan.places],
        "churn": names[plan.hot :],
    }
    async with session_for(url) as session:
        for _ in range(plan.rounds):
            for name, phase in phases.items():
                for warm in (*hot, *(others[name] if name != "churn" else ())):
                    await ask(session, warm)
                await _phase(session, phase, hot, others[name], plan)
    return phases


async def _phase(
    session: aiohttp.ClientSession, phase: Phase, hot: Sequence[str], others: Sequence[str], plan: Plan
) -> None:
    """Hot adapters by a client each, without a pause; the others at their pace, whatever they take."""
    loop = asyncio.get_running_loop()
    end = loop.time() + plan.seconds

    async def client(name: str) -> None:
        while loop.time() < end:
            phase.hot.append(await ask(session, name))

    async def one(name: str) -> None:
        phase.others.append(await ask(session, name))

    async with asyncio.TaskGroup() as group:
        for name in hot:
            group.create_task(client(name))
        for number in count():
            if loop.time() >= end:
                break
            group.create_task(one(others[number % len(others)]))
            await asyncio.sleep(plan.pace_seconds)


def _is_right(answer: Answer, words: Mapping[str, str]) -> bool:
    """Copies of one adapter all say what it says: then the version alone is compared."""
    word = words[answer.asked]
    return answer.version == answer.asked and (word.startswith("copy-") or answer.says(word))


def _at(answers: Sequence[Answer], share: float) -> float | None:
    return at_share([answer.seconds for answer in answers if answer.status == "200"], share)


def _ratio(one: float | None, other: float | None) -> float | None:
    return round(one / other, 3) if one and other else None


def main() -> int:
    """Print one line of JSON; leave with 0 only when nothing failed and no hot adapter was disturbed."""
    shipped, planned = default_plan(), Plan()
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("slots", "places", "adapters", "hot", "rounds"):
        parser.add_argument(f"--{name}", type=int, default=getattr(planned, name))
    parser.add_argument("--seconds", type=float, default=planned.seconds, help="of each phase and round")
    parser.add_argument("--pace-seconds", type=float, default=planned.pace_seconds)
    parser.add_argument("--max-ratio", type=float, default=1.5, help="of the hot p95, churn to resident")
    parser.add_argument("--from-adapter", type=Path, help="copies of this PEFT folder instead of markers")
    parser.add_argument(
        "--engine-url", help="a running engine that sees this file system; else one is started"
    )
    parser.add_argument("--engine-python", default=shipped.python)
    parser.add_argument("--model", default=shipped.model, help="the base model's folder")
    parser.add_argument("--result", type=Path, default=RESULT, help="where the figures are written too")
    chosen = parser.parse_args()
    plan = Plan(**{name: getattr(chosen, name) for name in Plan.__dataclass_fields__})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # As much more than the places as the shipped engine has.
        spare = MAX_CPU_LORAS - PoolSettings.model_fields["max_resident_adapters"].default
        options = f"--max-loras {plan.slots} --max-cpu-loras {plan.places + spare}"
        engine_plan = EnginePlan(chosen.engine_python, chosen.model, options)
        if chosen.from_adapter:
            sources = make_copies(chosen.from_adapter, folder / "adapters", plan.adapters)
        else:
            sources = make_markers(engine_plan, folder / "adapters", plan.adapters)
        with _engine(chosen.engine_url, engine_plan, folder) as running:
            found = run(running, folder, sources, plan)
    is_calm = (found["churn_to_resident_p95"] or 99.0) <= chosen.max_ratio
    is_whole = not found["failed"] and not found["wrong_answers"] and not found["hot_files_opened_again"]
    line = {"check": "adapter-residency", "ok": is_calm and is_whole, "plan": vars(plan), **found}
    chosen.result.write_text(json.dumps(line, indent=2) + "\n")
    print(json.dumps(line))
    return 0 if line["ok"] else 1


@contextmanager
def _engine(url: str | None, plan: EnginePlan, folder: Path) -> Iterator[Running]:
    if url:
        yield Running(url, None)
        return
    with engine(plan, folder) as running:
        yield running


if __name__ == "__main__":
    sys.exit(main())
