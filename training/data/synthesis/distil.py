"""Distillation: a teacher's answers to given inputs, kept where enough samples agree."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from contracts.canonical import JsonValue
from contracts.output import JsonObjectOutput, JsonSchemaOutput, TextOutput
from contracts.prompt import PromptError
from contracts.task import Task
from training.data.strict_json import parse_json
from training.data.synthesis.dialects import Dialect, answer_of, needs_engine, shots_of, task_request
from training.data.synthesis.journal import Entry
from training.data.synthesis.reading import InputRow, read_avoided, read_inputs, read_shots
from training.data.synthesis.results import Results, RunReport
from training.data.synthesis.spec import DistilSpec
from training.data.synthesis.synthesise import unusable
from training.data.synthesis.teacher import Job, TeacherClient, with_sampling
from training.data.synthesis.verdicts import Candidate, Rejected, Verifier, drop_alike
from training.errors import DatasetError
from training.evaluate.score import same_value
from training.recipes.encode import target_text


class Distillation:
    """One run over all inputs."""

    def __init__(self, spec: DistilSpec, task: Task) -> None:
        """Read inputs, examples and texts to avoid.

        Raises:
            DatasetError: one of them is wrong, or the contract cannot be asked for in this way.
        """
        if needs_engine(task) and spec.teacher.through not in (Dialect.ENGINE, Dialect.GATEWAY):
            raise DatasetError(f"teacher.through: {spec.teacher.through.value} cannot force a grammar")
        if spec.samples > 1 and isinstance(task.output, TextOutput):
            raise DatasetError("samples: free texts hardly ever agree word by word; ask for one")
        self._spec = spec
        self._task = task
        self._inputs = read_inputs(spec.inputs)
        self._examples = read_shots(spec.examples, task)[: spec.shots]
        self._avoided = read_avoided(spec.checks.avoid)
        self._verifier = Verifier(task, spec.checks)
        self._results = Results(spec, task, "distillation")
        self._is_json = isinstance(task.output, JsonSchemaOutput | JsonObjectOutput)

    @property
    def inputs(self) -> int:
        """How many rows there are to answer."""
        return len(self._inputs)

    def plan(self, number: int) -> Job:
        """The first sample of an input, counted from 0.

        Raises:
            DatasetError: the task's prompt cannot be rendered.
        """
        return self._jobs(self._inputs[number])[0]

    async def run(self, client: TeacherClient, on_rows: Callable[[int], None]) -> RunReport:
        """Ask about every input, check what comes, and write.

        Raises:
            TeacherError: the teacher cannot be used.
            JournalError: an answer cannot be written down.
            DatasetError: a result cannot be written.
        """
        jobs = {row.id: self._jobs(row) for row in self._inputs if not self._is_kept(row)}
        every = [job for some in jobs.values() for job in some]
        done = 0

        def count_one() -> None:
            nonlocal done
            done += 1
            on_rows(len(self._inputs) * done // len(every))

        entries, self._results.stopped_by = await client.answer_all(every, count_one)
        candidates = [
            candidate
            for row in self._inputs
            if (candidate := self._candidate(row, jobs.get(row.id), entries))
        ]
        kept, alike = drop_alike(candidates, self._spec.checks, self._examples, self._avoided)
        self._results.rejected += alike
        self._results.asked, self._results.spent = client.asked, client.spent
        return self._results.write(kept, len(self._inputs))

    def _is_kept(self, row: InputRow) -> bool:
        return self._spec.given == "keep" and row.has_output

    def _jobs(self, row: InputRow) -> list[Job]:
        teacher, shots = self._spec.teacher, shots_of(self._task, self._examples)
        try:
            body = task_request(
                self._task, row.text, model=teacher.model, dialect=teacher.through, shots=shots
            )
        except PromptError as error:
            raise DatasetError(f"row {row.id!r}: {error}") from error
        return [
            Job(
                f"{row.id}/{sample}", with_sampling(body, teacher, (self._spec.seed + sample) % 2**31), sample
            )
            for sample in range(self._spec.samples)
        ]

    def _candidate(
        self, row: InputRow, jobs: Sequence[Job] | None, entries: dict[str, Entry]
    ) -> Candidate | None:
        if jobs is None:
            return self._checked(row, row.output, row.source)
        given = [entries[job.key] for job in jobs if job.key in entries]
        values = [value for entry in given for value in self._values(entry, row)]
        output, votes = self._most_common(values)
        if votes < self._spec.agree:
            if len(given) < len(jobs):
                self._results.unanswered += 1
            elif self._spec.samples > 1:
                self._reject("no_agreement", f"{votes} of {self._spec.samples} agree", row)
            return None
        self._results.agreement[votes] += 1
        if self._spec.given == "must_match" and row.has_output and not same_value(row.output, output):
            self._reject("differs_from_given", "the teacher says something else", row, output)
            return None
        label = f"distilled:{given[0].teacher}"
        return self._checked(row, output, f"{row.source} {label}".strip())

    def _values(self, entry: Entry, row: InputRow) -> list[JsonValue]:
        """The answer's value, or none; with one sample the reason is a rejection of the row."""
        reason, detail = unusable(entry)
        text = answer_of(self._task, entry.text, self._spec.teacher.through) or ""
        if not reason and not self._is_json:
            return [text.strip()]
        if not reason:
            try:
                return [parse_json(text)]
            except ValueError as error:
                reason, detail = "no_json", str(error)
        if self._spec.samples == 1:
            self._reject(reason, detail, row)
        return []

    def _most_common(self, values: Sequence[JsonValue]) -> tuple[JsonValue, int]:
        """The answer that most samples give, of equals the first, and how many give it."""
        if not values:
            return None, 0
        written = [unicodedata.normalize("NFC", target_text(self._task, value)) for value in values]
        best, votes = Counter(written).most_common(1)[0]
        return values[written.index(best)], votes

    def _checked(self, row: InputRow, output: JsonValue, source: str) -> Candidate | None:
        candidate = Candidate(row.id, row.text, output, row.id, row.group, row.slice, source)
        rejected = self._verifier.rejection(candidate)
        if rejected is None:
            return candidate
        self._results.rejected.append(rejected)
        return None

    def _reject(self, reason: str, detail: str, row: InputRow, output: Any = None) -> None:
        self._results.rejected.append(Rejected(reason, detail, row.id, row.text, output))
