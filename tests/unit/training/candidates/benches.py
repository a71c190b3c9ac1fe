"""A comparison without sockets: candidates that answer by a function of the request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from training.candidates.asking import ask_arms, read_material
from training.candidates.report import BenchReport, bench_report
from training.candidates.spec import BenchSpec, parse_bench
from training.config import load_task

ROOT = Path(__file__).parents[4]
TASKS = ROOT / "examples" / "tasks"
Body = dict[str, Any]
Answer = Callable[[Body], httpx.Response]

QUEUES = ("billing", "shipping", "technical", "account", "other")


def completion(
    text: str | None, *, finish: str = "stop", headers: dict[str, str] | None = None, **message: Any
):
    """A completion of 100 and 10 tokens."""
    choice = {"message": {"content": text, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return httpx.Response(200, json={"choices": [choice], "usage": usage}, headers=headers or {})


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write a JSON lines file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def tickets(count: int, prefix: str = "ticket") -> list[dict[str, Any]]:
    """Rows whose text names the right queue."""
    return [
        {"id": str(n), "text": f"{prefix} {n} about {QUEUES[n % 5]}", "output": QUEUES[n % 5]}
        for n in range(count)
    ]


def bench_spec(folder: Path, candidates: Sequence[dict[str, Any]], **keys: Any) -> BenchSpec:
    """A comparison on ticket triage; `rows` may be given as rows."""
    rows = keys.pop("rows", None) or tickets(20)
    content = {
        "task": str(TASKS / f"{keys.pop('task_name', 'ticket-triage')}.yaml"),
        "rows": str(write_rows(folder / "rows.jsonl", rows)),
        "candidates": list(candidates),
        "warm_up": 0,
        **keys,
    }
    return parse_bench(content, "test").located(folder)


def run_bench(spec: BenchSpec, answer: Answer) -> BenchReport:
    """Ask and report; `answer` sees the host of the candidate as `host` in the body."""

    def handle(request: httpx.Request) -> httpx.Response:
        return answer({**json.loads(request.content), "host": request.url.host})

    task = load_task(spec.task)
    material = read_material(spec, task)
    replies = asyncio.run(ask_arms(spec, task, material, lambda _arm: None, httpx.MockTransport(handle)))
    return bench_report(spec, task, material, replies)


def gold(body: Body) -> str:
    """The right answer, which the texts of `tickets` name."""
    text = str(body["messages"][-1]["content"])
    return next(queue for queue in QUEUES if f"about {queue}" in text)


def number(body: Body) -> int:
    """Which ticket a request is about."""
    words = str(body["messages"][-1]["content"]).split()
    return int(words[words.index("about") - 1])
