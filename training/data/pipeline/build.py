"""The steps of a build, in their order, in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contracts.dataset import SPLITS, SourceFile
from contracts.output import TextOutput
from contracts.task import Task
from training.data.pipeline.augmenting import augmented_rows
from training.data.pipeline.duplicates import DuplicateSearch, Findings
from training.data.pipeline.intake import Intake, take_in, with_unique_ids
from training.data.pipeline.leakage import Leak, LeakSearch
from training.data.pipeline.lengths import Length, LengthCounter
from training.data.pipeline.redact import Finder, Redactor
from training.data.pipeline.replay import chosen_for_replay, marked_as_replay
from training.data.pipeline.report import Step, counted
from training.data.pipeline.rows import Progress, Rejected, Row, rejected, silent
from training.data.pipeline.space import TextSpace
from training.data.pipeline.spec import BuildSpec
from training.data.pipeline.splits import split_of
from training.errors import DatasetError

_NOMINEES_RATIO = 1.5
"""More general rows are prepared than are wanted, because some will be found to leak."""


@dataclass(slots=True)
class Draft:
    """What the steps gave: rows by split, what was left out, and the figures of each step."""

    splits: dict[str, list[Row]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    files: list[SourceFile] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    golden: dict[str, int] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    lengths: dict[str, list[Length]] = field(default_factory=dict)
    has_chat_template: bool = False
    leaks_left: int = 0
    personal_data_left: int = 0

    def reject(self, gone: Iterable[Rejected]) -> None:
        """Keep the rows that a step left out."""
        self.rejected += gone

    def step(self, name: str, before: int, after: int, notes: dict[str, int] | None = None) -> None:
        """Note a step that has been done."""
        self.steps.append(Step(name=name, rows_in=before, rows_out=after, notes=notes or {}))


class Build:
    """One build. Steps name rows by position: first the task's, then general ones, then golden ones."""

    def __init__(self, spec: BuildSpec, task: Task, finder: Finder, progress: Progress = silent) -> None:
        handling = spec.personal_data.handling
        self._spec = spec
        self._task = task
        self._progress = progress
        self._is_free_text = isinstance(task.output, TextOutput)
        self._counter = LengthCounter(task, spec.tokenizer) if spec.tokenizer else None
        self.redactor = Redactor(finder, handling, task.output)
        self._general_redactor = Redactor(finder, handling, TextOutput())
        self._lengths: dict[int, Length] = {}
        self._draft = Draft()

    def run(self) -> Draft:
        """All steps.

        Raises:
            DatasetError: a file cannot be read.
        """
        rows = self._redacted(self._read(), self.redactor, "personal data")
        general = self._nominees(len(rows))
        golden = self._golden()
        texts = [row.text for row in (*rows, *general, *golden)]
        space = TextSpace.of(texts, self._spec.duplicates, self._progress)
        everything = (*rows, *general, *golden)
        held = range(len(rows) + len(general), len(everything))
        kept = self._without_duplicates(rows, space)
        search = LeakSearch(everything, space, self._is_free_text)
        kept = self._without_leaks(search, kept, search.against(held, kept), "golden sets")
        kept = self._short_enough(everything, kept)
        splits = {position: self._split(everything[position]) for position in kept}
        kept = self._without_leaks(search, kept, search.across(splits), "leakage between splits")
        by_split = {name: [one for one in kept if splits[one] == name] for name in SPLITS}
        protected = (*held, *by_split["test"], *by_split["validation"])
        nominees = range(len(rows), len(rows) + len(general))
        chosen = self._replay(search, protected, nominees, len(by_split["train"]))
        again = LeakSearch(everything, space, self._is_free_text)
        left = again.against(held, [*kept, *chosen]) | again.across(
            {**{one: splits[one] for one in kept}, **dict.fromkeys(chosen, "train")}
        )
        self._draft.leaks_left = len(left)
        self._finish(everything, by_split, chosen)
        return self._draft

    def _read(self) -> list[Row]:
        spec = self._spec
        intake = take_in(spec.sources, self._task, self._task.output, spec.limits, self._progress)
        self._draft.files += intake.files
        self._draft.reject(intake.rejected)
        self._draft.step("read and normalise", intake.rows_read, len(intake.rows), dict(intake.notes))
        return intake.rows

    def _redacted(self, rows: Sequence[Row], redactor: Redactor, step: str) -> list[Row]:
        handled = [redactor.handle(row) for row in self._progress(rows, step, len(rows))]
        kept = [one for one in handled if isinstance(one, Row)]
        self._draft.reject(one for one in handled if isinstance(one, Rejected))
        if redactor is self.redactor:
            self._draft.step(step, len(rows), len(kept), {"rows changed": redactor.redacted_rows})
        return kept

    def _nominees(self, task_rows: int) -> list[Row]:
        """General rows, a few more than are wanted: a large file costs no more than is used of it."""
        replay = self._spec.replay
        if replay is None:
            return []
        intake = take_in((replay,), self._task, TextOutput(), self._spec.limits, self._progress)
        self._draft.files += intake.files
        self._draft.reject(intake.rejected)
        wanted = math.ceil(task_rows * replay.ratio * _NOMINEES_RATIO) + 10
        chosen = chosen_for_replay(intake.rows, wanted, self._spec.split.seed)
        return self._redacted(chosen, self._general_redactor, "personal data in replay")

    def _golden(self) -> list[Row]:
        rows: list[Row] = []
        for file in self._spec.golden:
            intake = take_in((file,), self._task, self._task.output, self._spec.limits, self._progress)
            self._refuse_unusable(intake)
            self._draft.golden[f"{intake.files[0].name} ({intake.files[0].sha256[:12]})"] = len(intake.rows)
            rows += map(self.redactor.comparable, intake.rows)
        return rows

    def _refuse_unusable(self, intake: Intake) -> None:
        """A golden row that cannot be read cannot be compared with, so leakage could pass unseen."""
        for one in intake.rejected:
            raise DatasetError(f"golden set: {one.place}: {one.reason}: {one.detail}")

    def _without_duplicates(self, rows: Sequence[Row], space: TextSpace) -> list[int]:
        search = DuplicateSearch(rows, space, is_free_text=self._is_free_text)
        kept = search.run()
        self._draft.findings = search.findings
        self._draft.reject(search.findings.rejected)
        self._draft.step(
            "duplicates", len(rows), len(kept), counted(one.reason for one in search.findings.rejected)
        )
        return kept

    def _without_leaks(self, search: LeakSearch, kept: list[int], found: set[int], step: str) -> list[int]:
        leaks = {leak.position: leak for leak in search.leaks if leak.position in found}
        self._draft.reject(self._leaked(search.rows, leaks[position], step) for position in sorted(found))
        left = [position for position in kept if position not in found]
        self._draft.step(step, len(kept), len(left))
        return left

    def _leaked(self, rows: Sequence[Row], leak: Leak, step: str) -> Rejected:
        where = f"{step}, {leak.likeness.value}"
        self._draft.leaks.append(where)
        reason = "leak_golden" if step == "golden sets" else "leak_split"
        other = "a golden row" if step == "golden sets" else rows[leak.other].id
        return rejected(rows[leak.position], reason, f"{leak.similarity:.3f} like {other} ({where})")

    def _short_enough(self, rows: Sequence[Row], kept: list[int]) -> list[int]:
        if self._counter is None:
            return kept
        counted_lengths = self._counter.count([rows[position] for position in kept])
        self._lengths = dict(zip(kept, counted_lengths, strict=True))
        limit = self._spec.max_tokens
        if limit is None:
            return kept
        left = [position for position in kept if self._lengths[position].total <= limit]
        self._draft.reject(
            rejected(rows[one], "too_long", f"{self._lengths[one].total} tokens, and max_tokens is {limit}")
            for one in kept
            if self._lengths[one].total > limit
        )
        self._draft.step("length", len(kept), len(left))
        return left

    def _split(self, row: Row) -> str:
        return split_of(row, self._spec.split)

    def _replay(
        self, search: LeakSearch, protected: Sequence[int], nominees: Sequence[int], train_rows: int
    ) -> list[int]:
        replay = self._spec.replay
        if replay is None:
            return []
        found = search.against(protected, nominees)
        limit = self._spec.max_tokens or math.inf
        rows = [search.rows[position] for position in nominees]
        lengths = self._counter.count(rows, is_replay=True) if self._counter else [Length(0, 0)] * len(rows)
        fit = [
            position
            for position, length in zip(nominees, lengths, strict=True)
            if position not in found and length.total <= limit
        ]
        chosen = fit[: round(replay.ratio * train_rows)]
        notes = {"left out as alike to held-out rows": len(found), "wanted": round(replay.ratio * train_rows)}
        self._draft.step("replay", train_rows, train_rows + len(chosen), notes)
        return chosen

    def _finish(self, rows: Sequence[Row], by_split: dict[str, list[int]], chosen: Sequence[int]) -> None:
        order = sorted(position for some in by_split.values() for position in some)
        named, renamed = with_unique_ids([rows[position] for position in order])
        final = dict(zip(order, named, strict=True))
        self._draft.splits = {name: [final[one] for one in some] for name, some in by_split.items()}
        self._draft.lengths = {
            name: [self._lengths[one] for one in some if one in self._lengths]
            for name, some in by_split.items()
        }
        self._draft.splits["train"] += self._copies(self._draft.splits["train"])
        self._draft.has_chat_template = self._counter is not None and self._counter.has_template
        self._draft.splits["train"] += [marked_as_replay(rows[position]) for position in chosen]
        everything = [row for some in self._draft.splits.values() for row in some]
        self._draft.personal_data_left = sum(
            self.redactor.is_against_policy(row)
            for row in self._progress(everything, "personal data, again", len(everything))
        )
        self._draft.step("ids", len(order), len(order), {"ids made unique": renamed})

    def _copies(self, train: Sequence[Row]) -> list[Row]:
        augment = self._spec.augment
        if augment is None:
            return []
        copies = augmented_rows(train, augment, self._spec.split.seed)
        limit = self._spec.max_tokens
        if self._counter is not None and limit is not None:
            lengths = self._counter.count(copies)
            copies = [copy for copy, length in zip(copies, lengths, strict=True) if length.total <= limit]
        self._draft.step("augmentation of train", len(train), len(train) + len(copies))
        return copies
