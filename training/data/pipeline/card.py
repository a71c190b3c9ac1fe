"""The data card: what the dataset is and what was done to it, for people who must approve it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from contracts.dataset import SPLITS, DatasetManifest
from training.data.pipeline.lengths import BUCKETS, LengthFigures
from training.data.pipeline.report import BuildReport


def data_card(manifest: DatasetManifest, report: BuildReport) -> str:
    """The card as Markdown. It holds counts, hashes, file names and row ids, and nothing of any row."""
    return "\n".join(_lines(manifest, report)) + "\n"


def _lines(manifest: DatasetManifest, report: BuildReport) -> Iterator[str]:
    yield f"# Data card: {manifest.name}@{manifest.version}\n"
    verdict = "passed its gate" if manifest.passed else "**did not pass its gate and must not be trained on**"
    yield f"This dataset {verdict}.\n"
    yield from (f"- {problem}" for problem in manifest.problems)
    yield from _table(
        ("", ""),
        (
            ("digest (SHA-256 of the split files)", f"`{manifest.digest}`"),
            ("built", manifest.created_at.isoformat(timespec="seconds")),
            ("task", f"{manifest.task}@{manifest.task_version}, output contract {manifest.output_hash}"),
            ("parents", ", ".join(manifest.parents) or "none"),
            ("split seed", str(manifest.seed)),
            ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
        ),
    )
    yield "\n## Sources\n"
    yield from _table(
        ("file", "format", "rows", "licence", "SHA-256"),
        ((one.name, one.format, str(one.rows), one.licence, f"`{one.sha256}`") for one in manifest.sources),
    )
    yield from _process(report)
    yield from _content(report)
    yield from _people(report)
    yield from _evaluation(report)
    yield from _limits(report)


def _process(report: BuildReport) -> Iterator[str]:
    yield "\n## What was done\n"
    yield from _table(
        ("step", "rows in", "rows out", "notes"),
        ((step.name, str(step.rows_in), str(step.rows_out), _counts(step.notes)) for step in report.steps),
    )
    yield "\n### Rejected rows, by reason\n"
    yield from _table(("reason", "rows"), _pairs(report.rejected))
    yield "\nEach stands in `rejected.jsonl` with its place and its reason, without personal data.\n"
    yield "### Contradictions and ambiguous rows\n"
    yield from _table(
        ("", "count"),
        (
            ("texts with different outputs", str(report.contradictions)),
            ("rows of these", str(report.contradicting_rows)),
            ("pairs nearly alike with different outputs", str(report.ambiguous_pairs)),
            ("rows of these that were kept", str(report.ambiguous_rows_left)),
            (
                "pairs alike in meaning alone with different outputs (for information)",
                str(report.alike_in_meaning),
            ),
        ),
    )
    if report.listed:
        yield "\nThe first ones, by row id:\n"
        yield from (f"- {one}" for one in report.listed)


def _content(report: BuildReport) -> Iterator[str]:
    yield "\n## Splits and balance\n"
    names = [name for name in SPLITS if name in report.splits]
    yield from _table(
        ("", *names),
        (
            ("rows", *(str(report.splits[name]) for name in names)),
            *(
                (label, *(str(report.balance.get(name, {}).get(label, 0)) for name in names))
                for label in _labels(report.balance)
            ),
        ),
    )
    yield f"\n{report.groups} groups; {report.replay_rows} rows of train are general examples (replay).\n"
    if report.slices:
        yield from _table(("slice", "rows"), _pairs(report.slices))


def _people(report: BuildReport) -> Iterator[str]:
    yield "\n## Personal data\n"
    yield from _table(
        ("type", "found", "what was done"),
        (
            (name, str(figures.found), figures.handling)
            for name, figures in sorted(report.personal_data.items())
        ),
    )
    yield (
        f"\n{report.redacted_rows} rows were changed. {report.personal_data_left} rows hold personal data "
        f"against this policy.\n"
    )


def _evaluation(report: BuildReport) -> Iterator[str]:
    yield "## Leakage\n"
    yield from _table(("golden set", "rows compared"), _pairs(report.golden))
    yield ""
    yield from _table(("rows rejected because they resemble", "rows"), _pairs(report.leaks_removed))
    bounds = ", ".join(
        f"{name} {'off' if bound is None else f'from {bound}'}" for name, bound in report.similarity.items()
    )
    yield f"\nSimilarity: exact, {bounds}. After that, {report.leaks_left} rows resemble another part.\n"
    if report.prompt_tokens:
        marks = "with" if report.has_chat_template else "without"
        limit = report.max_tokens or "none"
        yield f"## Lengths in tokens ({marks} the chat template's marks; limit {limit})\n"
        yield from _table(
            ("part", "p50", "p95", "longest", *(f"<= {bound}" for bound in BUCKETS), "longer"),
            (
                *_length_rows("prompt", report.prompt_tokens),
                *_length_rows("completion", report.completion_tokens),
            ),
        )


def _limits(report: BuildReport) -> Iterator[str]:
    yield "\n## Limits of these checks\n"
    yield (
        "- Personal data is found by patterns and checksums, and by names only where a language model was "
        "configured. Names, addresses and numbers in unusual notations may remain."
    )
    yield (
        "- Alike texts are found by character shingles and by a static encoder that does not see the "
        "order of words. A row is compared with at most 64 rows that are alike."
    )
    yield "- Outputs were checked against the contract, not against the truth."
    if not report.golden:
        yield "- No golden set was given, so leakage into an evaluation was not looked for."


def _length_rows(part: str, figures: Mapping[str, LengthFigures]) -> Iterator[tuple[str, ...]]:
    for name, one in figures.items():
        numbers = (one.p50, one.p95, one.longest, *one.histogram)
        yield (f"{part}, {name}", *map(str, numbers))


def _labels(balance: Mapping[str, Mapping[str, int]]) -> list[str]:
    return list(dict.fromkeys(label for counts in balance.values() for label in counts))


def _pairs(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    yield from ((name, str(count)) for name, count in counts.items())
    if not counts:
        yield "none", "0"


def _counts(notes: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in notes.items() if count)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    """Names come from files: they may not break the table or bring markup of their own."""
    flat = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
    return flat.replace("<", "&lt;").replace("[", "\\[")
