"""Synthesis: a teacher writes examples about passages until there are enough that pass."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.canonical import content_hash
from contracts.prompt import PromptError
from contracts.task import Task
from training.data.examples import Example
from training.data.synthesis.dialects import needs_engine
from training.data.synthesis.documents import Passage, read_passages
from training.data.synthesis.journal import Entry
from training.data.synthesis.reading import read_avoided, read_shots
from training.data.synthesis.requests import UnreadableReplyError, read_written, writing_request
from training.data.synthesis.results import Results, RunReport
from training.data.synthesis.spec import SynthesisSpec
from training.data.synthesis.teacher import Job, TeacherClient, with_sampling
from training.data.synthesis.verdicts import Candidate, Rejected, Verifier, drop_alike
from training.errors import DatasetError

_MAX_IDLE_JOBS: Final = 24
"""Requests in a row without a new example after which the documents count as used up."""

_NO_NEWS: Final = "no new example"


@dataclass(frozen=True, slots=True)
class _Plan:
    """A job with what its examples will be labelled with."""

    job: Job
    passage: Passage
    style: str


class Synthesis:
    """One run. Job n depends on the specification and n alone, so that a later run finds its answer."""

    def __init__(self, spec: SynthesisSpec, task: Task) -> None:
        """Read documents, examples and texts to avoid.

        Raises:
            DatasetError: one of them is wrong, or the contract is a grammar, which no schema expresses.
        """
        if needs_engine(task):
            raise DatasetError(
                "a grammar cannot be written into a schema: distil answers to inputs of your own"
            )
        self._spec = spec
        self._task = task
        self._passages = read_passages(spec.documents, spec.passage_chars)
        self._examples = read_shots(spec.examples, task)
        self._avoided = read_avoided(spec.checks.avoid)
        self._verifier = Verifier(task, spec.checks)
        self._results = Results(spec, task, "synthesis")
        self._order: tuple[int, list[Passage]] = (-1, [])

    def plan(self, number: int) -> Job:
        """The job of a number, counted from 0.

        Raises:
            DatasetError: the task's prompt cannot be rendered.
        """
        return self._plan(number).job

    async def run(self, client: TeacherClient, on_rows: Callable[[int], None]) -> RunReport:
        """Ask, check and write until there are enough rows, the budget is spent or nothing new comes.

        Raises:
            TeacherError: the teacher cannot be used.
            JournalError: an answer cannot be written down.
            DatasetError: a result cannot be written.
        """
        passed: list[Candidate] = []
        kept: list[Candidate] = []
        alike: list[Rejected] = []
        number = idle = 0
        while len(kept) < self._spec.count and idle < _MAX_IDLE_JOBS and not self._results.stopped_by:
            missing = self._spec.count - len(kept)
            size = max(1, math.ceil(missing / self._spec.per_request))
            plans = [self._plan(number + offset) for offset in range(size)]
            number += size
            passed += await self._round(plans, client)
            before = len(kept)
            kept, alike = drop_alike(passed, self._spec.checks, self._examples, self._avoided)
            idle = idle + size if len(kept) == before else 0
            on_rows(min(len(kept), self._spec.count))
        if idle >= _MAX_IDLE_JOBS and not self._results.stopped_by:
            self._results.stopped_by = _NO_NEWS
        self._results.rejected += alike
        self._results.asked, self._results.spent = client.asked, client.spent
        return self._results.write(kept[: self._spec.count], self._spec.count)

    async def _round(self, plans: Sequence[_Plan], client: TeacherClient) -> list[Candidate]:
        entries, self._results.stopped_by = await client.answer_all([one.job for one in plans], lambda: None)
        passed: list[Candidate] = []
        for plan in plans:
            entry = entries.get(plan.job.key)
            if entry is None:
                self._results.unanswered += 1
                continue
            for candidate in self._candidates(plan, entry):
                rejected = self._verifier.rejection(candidate)
                if rejected is None:
                    passed.append(candidate)
                else:
                    self._results.rejected.append(rejected)
        return passed

    def _candidates(self, plan: _Plan, entry: Entry) -> list[Candidate]:
        reason, detail = unusable(entry)
        if not reason:
            try:
                written = read_written(entry.text)
            except UnreadableReplyError as error:
                reason, detail = "unreadable_reply", str(error)
        if reason:
            self._results.rejected.append(Rejected(reason, detail, plan.job.name))
            return []
        passage = plan.passage
        return [
            Candidate(
                id=f"synthetic-{content_hash(plan.job.key.encode(), str(place).encode())[:16]}",
                text=one.text,
                output=one.output,
                job=plan.job.name,
                group=f"{passage.document}#{passage.number}",
                slice=plan.style,
                source=f"synthesised:{entry.teacher}",
                material=passage.text,
            )
            for place, one in enumerate(written)
        ]

    def _plan(self, number: int) -> _Plan:
        spec, task = self._spec, self._task
        turn, place = divmod(number, len(self._passages))
        passage = self._order_of(turn)[place]
        style = spec.styles[(number + turn) % len(spec.styles)] if spec.styles else ""
        try:
            body = writing_request(
                task,
                spec.teacher,
                passage=passage,
                shots=self._shots(number),
                count=spec.per_request,
                style=style,
            )
        except PromptError as error:
            raise DatasetError(str(error)) from error
        job = Job(
            f"{passage.document}#{passage.number}/{turn}",
            with_sampling(body, spec.teacher, (spec.seed + number) % 2**31),
            turn,
        )
        return _Plan(job, passage, style)

    def _order_of(self, turn: int) -> list[Passage]:
        """The passages in the order of one turn through them."""
        if self._order[0] != turn:
            rng = random.Random(f"synthesis/{self._spec.seed}/{turn}")  # noqa: S311 - reproducible order, no secret
            self._order = turn, rng.sample(self._passages, len(self._passages))
        return self._order[1]

    def _shots(self, number: int) -> list[Example]:
        rng = random.Random(f"shots/{self._spec.seed}/{number}")  # noqa: S311 - reproducible draw, no secret
        return rng.sample(self._examples, min(self._spec.shots, len(self._examples)))


def unusable(entry: Entry) -> tuple[str, str]:
    """Why an answer is none, with a sentence; both empty where it is one."""
    if entry.refusal or entry.finish_reason == "content_filter":
        return "refused", entry.refusal or "stopped by a content filter"
    if entry.finish_reason == "length":
        return "truncated", f"cut off after {entry.completion_tokens} tokens"
    if not (entry.text or "").strip():
        return "empty", "no text"
    return "", ""
