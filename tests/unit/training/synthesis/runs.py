"""A task, a specification and a fake teacher, for tests that need no socket."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from training.config import load_task
from training.data.synthesis.distil import Distillation
from training.data.synthesis.journal import Journal
from training.data.synthesis.results import RunReport, journal_path
from training.data.synthesis.spec import DistilSpec, SynthesisSpec, TeacherRun, load_spec
from training.data.synthesis.synthesise import Synthesis
from training.data.synthesis.teacher import TeacherClient, teacher_http

ROOT = Path(__file__).parents[4]
TASKS = ROOT / "examples" / "tasks"
TEACHER: dict[str, Any] = {
    "url": "http://teacher/v1",
    "model": "big",
    "version": "2026-05",
    "licence": "Apache-2.0",
    "concurrency": 2,
}
Answer = Callable[[dict[str, Any]], str | httpx.Response]


def spec_file(folder: Path, name: str, task: str, **keys: Any) -> Path:
    """Write a specification; keys override the defaults, and a `teacher` is merged."""
    content = {
        "task": str(TASKS / f"{task}.yaml"),
        "out": "out.jsonl",
        **keys,
        "teacher": {**TEACHER, **keys.get("teacher", {})},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


def completion(text: str | None, **message: Any) -> httpx.Response:
    """A completion with a usage of 50 and 10 tokens."""
    finish = message.pop("finish", "stop")
    choice = {"message": {"content": text, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 50, "completion_tokens": 10}
    return httpx.Response(200, json={"choices": [choice], "usage": usage})


class FakeTeacher:
    """Answers by a function of the request's body; remembers bodies and waits."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.bodies: list[dict[str, Any]] = []
        self.waits: list[float] = []

    def transport(self) -> httpx.MockTransport:
        """What the HTTP client sends through."""

        def handle(request: httpx.Request) -> httpx.Response:
            body = json.loads(request.content)
            self.bodies.append(body)
            answer = self._answer(body)
            return completion(answer) if isinstance(answer, str) else answer

        return httpx.MockTransport(handle)

    async def sleep(self, seconds: float) -> None:
        """Note the wait and go on at once."""
        self.waits.append(seconds)
        await asyncio.sleep(0)

    def synthesise(self, path: Path) -> RunReport:
        """Run a synthesis."""
        spec = load_spec(SynthesisSpec, path)
        return self._run(spec, Synthesis(spec, load_task(spec.task)))

    def distil(self, path: Path) -> RunReport:
        """Run a distillation."""
        spec = load_spec(DistilSpec, path)
        return self._run(spec, Distillation(spec, load_task(spec.task)))

    def _run(self, spec: TeacherRun, run: Synthesis | Distillation) -> RunReport:
        async def asked(journal: Journal) -> RunReport:
            async with teacher_http(spec.teacher, "", self.transport()) as client:
                asker = TeacherClient(spec, client, journal, rng=random.Random(0), sleep=self.sleep)
                return await run.run(asker, lambda _rows: None)

        with Journal(journal_path(spec.out)) as journal:
            return asyncio.run(asked(journal))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write_rows(path: Path, *rows: Mapping[str, Any]) -> Path:
    """Write a JSON lines file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path
