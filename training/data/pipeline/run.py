"""From a specification to a built dataset on disk, with its report, card and verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from contracts.dataset import MANIFEST_FILE, SPLITS, DatasetManifest
from contracts.task import Task
from training.config import load_task
from training.data.examples import REPLAY_SOURCE, read_manifest
from training.data.pipeline.build import Build, Draft
from training.data.pipeline.card import data_card
from training.data.pipeline.gate import problems_of
from training.data.pipeline.lengths import LengthFigures
from training.data.pipeline.personal import PersonalDataFinder
from training.data.pipeline.redact import Finder
from training.data.pipeline.report import (
    REPORT_FILE,
    BuildReport,
    PersonalDataFigures,
    balance_of,
    counted,
)
from training.data.pipeline.rows import Progress, Rejected, Row, silent
from training.data.pipeline.spec import BuildSpec, Handling, load_spec
from training.data.pipeline.store import (
    CARD_FILE,
    REJECTED_FILE,
    SPEC_FILE,
    TASK_FILE,
    publish,
    rejected_line,
    row_line,
    split_records,
    staging,
    write_lines,
)
from training.errors import DatasetError

_LIBRARIES: Final = ("firstline", "datasketch", "phonenumbers", "presidio-analyzer", "pyarrow", "tokenizers")


@dataclass(frozen=True, slots=True)
class BuiltDataset:
    """A dataset as it lies on disk."""

    folder: Path
    manifest: DatasetManifest
    report: BuildReport


def build_dataset(
    spec_file: Path,
    out: Path | None = None,
    *,
    progress: Progress = silent,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    finder: Finder | None = None,
) -> BuiltDataset:
    """Build what a specification describes; a dataset that fails its gate is written too, and says so.

    Raises:
        TrainingError: the specification, the task or a file is wrong, or the folder cannot be written.
    """
    spec = load_spec(spec_file)
    spec = spec.model_copy(update={"out": out}) if out else spec
    task = load_task(spec.task)
    build = Build(spec, task, finder or PersonalDataFinder(spec.personal_data), progress)
    draft = build.run()
    report = _report(spec, task, build, draft)
    with staging(spec.out, spec.name) as folder:
        for name, rows in draft.splits.items():
            write_lines(folder / f"{name}.jsonl", (row_line(row, task.output) for row in rows))
        write_lines(folder / REJECTED_FILE, (rejected_line(_clean(one, build)) for one in draft.rejected))
        digest, splits = split_records(folder, draft.splits)
        manifest = DatasetManifest(
            name=spec.name,
            digest=digest,
            task=task.name,
            task_version=task.version,
            output_hash=task.output_hash,
            created_at=now(),
            sources=tuple(draft.files),
            parents=_parents(spec),
            splits=splits,
            rejected=report.rejected,
            personal_data=_policy(spec),
            licences=tuple(sorted({file.licence for file in draft.files})),
            seed=spec.split.seed,
            passed=not report.problems,
            problems=report.problems,
            versions=_versions(),
        )
        _write_documents(folder, spec_file, task, manifest, report)
        final = publish(folder, spec.out, manifest)
    return BuiltDataset(final, manifest, report)


def _write_documents(
    folder: Path, spec_file: Path, task: Task, manifest: DatasetManifest, report: BuildReport
) -> None:
    documents = {
        SPEC_FILE: spec_file.read_text("utf-8"),
        TASK_FILE: task.model_dump_json(indent=2, by_alias=True) + "\n",
        REPORT_FILE: report.model_dump_json(indent=2) + "\n",
        CARD_FILE: data_card(manifest, report),
        MANIFEST_FILE: manifest.model_dump_json(indent=2) + "\n",
    }
    for name, text in documents.items():
        write_lines(folder / name, iter((text,)))


def _report(spec: BuildSpec, task: Task, build: Build, draft: Draft) -> BuildReport:
    of_task = {name: [row for row in rows if not _is_replay(row)] for name, rows in draft.splits.items()}
    rows = [row for some in of_task.values() for row in some]
    lengths = draft.lengths if spec.tokenizer else {}
    report = BuildReport(
        steps=tuple(draft.steps),
        rejected=counted(one.reason for one in draft.rejected),
        splits={name: len(some) for name, some in draft.splits.items()},
        balance={name: balance_of(some, task.output) for name, some in of_task.items()},
        slices=counted(row.slice for row in rows if row.slice),
        groups=len({row.group for row in rows if row.group}),
        replay_rows=sum(map(_is_replay, draft.splits["train"])),
        contradictions=draft.findings.contradictions,
        contradicting_rows=draft.findings.contradicting_rows,
        ambiguous_pairs=draft.findings.ambiguous,
        ambiguous_rows_left=len(draft.findings.ambiguous_left),
        alike_in_meaning=draft.findings.alike_in_meaning,
        listed=tuple(build.redactor.cleaned(draft.findings.listed)),
        personal_data={
            name: PersonalDataFigures(found=build.redactor.found[name], handling=how.value)
            for name, how in spec.personal_data.handling.items()
        },
        redacted_rows=build.redactor.redacted_rows,
        personal_data_left=draft.personal_data_left,
        golden=draft.golden,
        leaks_removed=counted(draft.leaks),
        leaks_left=draft.leaks_left,
        similarity={"near": spec.duplicates.near, "semantic": spec.duplicates.semantic},
        prompt_tokens={
            name: LengthFigures.of([one.prompt_tokens for one in some]) for name, some in lengths.items()
        },
        completion_tokens={
            name: LengthFigures.of([one.completion_tokens for one in some]) for name, some in lengths.items()
        },
        has_chat_template=draft.has_chat_template,
        max_tokens=spec.max_tokens,
    )
    return report.model_copy(update={"problems": problems_of(spec, report)})


def _clean(one: Rejected, build: Build) -> Rejected:
    """What is written about a rejected row holds no personal data that the policy does not keep."""
    cleaned = build.redactor.cleaned
    return Rejected(one.reason, cleaned(one.detail), one.place, cleaned(one.id), cleaned(one.content))


def _is_replay(row: Row) -> bool:
    return row.source == REPLAY_SOURCE


def _parents(spec: BuildSpec) -> tuple[str, ...]:
    """Datasets that a source is a split of."""
    found: set[str] = set()
    for source in spec.sources:
        try:
            manifest = read_manifest(source.path.parent)
        except DatasetError:
            continue
        if source.path.stem in SPLITS:
            found.add(f"{manifest.name}@{manifest.version}")
    return tuple(sorted(found))


def _policy(spec: BuildSpec) -> str:
    used = sorted(set(spec.personal_data.handling.values()))
    words = {Handling.KEEP: "kept", Handling.REDACT: "redacted", Handling.REJECT: "rejected"}
    return words[used[0]] if len(used) == 1 else "mixed"


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found
