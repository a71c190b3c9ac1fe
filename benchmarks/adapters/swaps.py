"""Swaps of the stable channel under load on a real engine: `python -m benchmarks.adapters.swaps`.

Clients ask one task without a pause while its stable channel goes back and forth between two versions, each
of which answers with a word of its own. Of each reply the word must be that of the version which its header
names, and that version must have been stable at some time while the request was under way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.adapters.asking import Answer, ask, at_share, session_for
from benchmarks.adapters.stage import (
    TASK,
    EnginePlan,
    Running,
    default_plan,
    engine,
    gateway,
    make_markers,
    promote,
    register,
)

RESULT = Path(__file__).resolve().parents[1] / "results" / "adapter_swaps.json"


@dataclass(frozen=True)
class Swap:
    """A change of the stable channel: in effect at some time between its request and its reply."""

    version: str
    asked: float
    done: float


def run(
    running: Running, folder: Path, markers: Mapping[str, Path], *, swaps: int, clients: int
) -> dict[str, Any]:
    """Register both markers, swap them under load, and judge every reply."""
    before = running.opened()
    with gateway(folder, running.url) as url:
        words = {register(url, path): word for word, path in markers.items()}
        answers, made = asyncio.run(_load_and_swap(url, list(words), swaps, clients))
    opened = running.opened() - before
    return figures(answers, made, words) | {
        "opens": {words[name]: opened[name] for name in words} if running.log else None,
        "is_opened_once": {opened[name] for name in words} == {1} if running.log else None,
    }


async def _load_and_swap(
    url: str, names: Sequence[str], swaps: int, clients: int
) -> tuple[list[Answer], list[Swap]]:
    made = [await _swap(url, names[0])]
    answers: list[Answer] = []
    is_over = asyncio.Event()
    async with session_for(url) as session:

        async def client() -> None:
            while not is_over.is_set():
                answers.append(await ask(session, TASK))

        asking = [asyncio.create_task(client()) for _ in range(clients)]
        for number in range(1, swaps + 1):
            seen = len(answers)
            made.append(await _swap(url, names[number % len(names)]))
            # At least one request sees each version, so that no swap goes untested.
            while len(answers) == seen:  # noqa: ASYNC110 - a list tells nobody
                await asyncio.sleep(0.002)
        is_over.set()
        await asyncio.gather(*asking)
    return answers, made


async def _swap(url: str, name: str) -> Swap:
    asked = time.monotonic()
    await asyncio.to_thread(promote, url, name)
    return Swap(name, asked, time.monotonic())


def figures(answers: Sequence[Answer], swaps: Sequence[Swap], words: Mapping[str, str]) -> dict[str, Any]:
    """Count what failed and what was wrong, and how."""
    failed = Counter(answer.status for answer in answers if answer.status != "200")
    given = [answer for answer in answers if answer.status == "200"]
    unlike = [a for a in given if a.version not in words or not a.says(words[a.version])]
    untimely = [a for a in given if a.version not in stable_during(swaps, a.began, a.ended)]
    seconds = [answer.seconds for answer in given]
    return {
        "swaps": len(swaps) - 1,
        "requests": len(answers),
        "failed": dict(failed),
        "answers_unlike_their_version": len(unlike),
        "answers_of_a_version_that_was_not_stable": len(untimely),
        "answers_by_word": dict(Counter(words.get(answer.version, answer.version) for answer in given)),
        "request_p50_ms": at_share(seconds, 0.5),
        "request_p95_ms": at_share(seconds, 0.95),
        "swap_p50_ms": at_share([swap.done - swap.asked for swap in swaps[1:]], 0.5),
        "swap_p95_ms": at_share([swap.done - swap.asked for swap in swaps[1:]], 0.95),
        "seconds": round(max(a.ended for a in answers) - min(a.began for a in answers), 1)
        if answers
        else 0.0,
    }


def stable_during(swaps: Sequence[Swap], began: float, ended: float) -> set[str]:
    """The versions that may have been stable at some time in between."""
    found = set()
    for swap, following in zip(swaps, [*swaps[1:], None], strict=True):
        if swap.asked <= ended and (following is None or following.done >= began):
            found.add(swap.version)
    return found


def is_good(result: Mapping[str, Any]) -> bool:
    """No request failed, none was answered by the wrong version, no file was opened twice."""
    wrong = result["answers_unlike_their_version"] + result["answers_of_a_version_that_was_not_stable"]
    return (
        bool(result["requests"])
        and not result["failed"]
        and not wrong
        and result["is_opened_once"] is not False
    )


def main() -> int:
    """Print one line of JSON; leave with 0 only when nothing failed and nothing was wrong."""
    shipped = default_plan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument(
        "--engine-url", help="a running engine that sees this file system; else one is started"
    )
    parser.add_argument("--engine-python", default=shipped.python)
    parser.add_argument("--model", default=shipped.model, help="the base model's folder")
    parser.add_argument("--result", type=Path, default=RESULT, help="where the figures are written too")
    chosen = parser.parse_args()
    plan = EnginePlan(chosen.engine_python, chosen.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        markers = make_markers(plan, folder / "markers", 2)
        if chosen.engine_url:
            found = run(
                Running(chosen.engine_url, None), folder, markers, swaps=chosen.swaps, clients=chosen.clients
            )
        else:
            with engine(plan, folder) as running:
                found = run(running, folder, markers, swaps=chosen.swaps, clients=chosen.clients)
    line = {"check": "adapter-swaps", "ok": is_good(found), "clients": chosen.clients, **found}
    chosen.result.write_text(json.dumps(line, indent=2) + "\n")
    print(json.dumps(line))
    return 0 if line["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
