"""The data gate: why a dataset may not be trained on."""

from __future__ import annotations

from collections.abc import Iterator

from training.data.pipeline.report import BuildReport
from training.data.pipeline.spec import BuildSpec

_MALFORMED = (
    "columns",
    "label_no_text",
    "no_csv",
    "no_json",
    "no_object",
    "no_output",
    "no_text",
    "not_utf8",
    "output_breaks_contract",
    "output_no_json",
    "rejected_output_unreadable",
    "row_too_large",
)
"""Reasons that speak against the source and not against one row among many alike."""


def problems_of(spec: BuildSpec, report: BuildReport) -> tuple[str, ...]:
    """Every reason in a sentence; empty where the dataset passes."""
    return tuple(_problems(spec, report))


def _problems(spec: BuildSpec, report: BuildReport) -> Iterator[str]:
    for name, rows in report.splits.items():
        wanted = getattr(spec.split, name) > 0 or any(source.split == name for source in spec.sources)
        if rows == 0 and wanted:
            yield f"the split {name} is empty: more rows, other shares in `split`, or more groups are needed"
    if report.leaks_left:
        yield f"{report.leaks_left} rows resemble another split or a golden set"
    if report.personal_data_left:
        yield f"{report.personal_data_left} rows still hold personal data against the policy"
    for share, limit, words in (
        (report.contradicting_rows, "contradictions_ratio", "rows contradict another row of the same text"),
        (
            report.ambiguous_rows_left,
            "ambiguous_ratio",
            "rows have nearly the text of a row with another output",
        ),
        (
            sum(report.rejected.get(reason, 0) for reason in _MALFORMED),
            "rejected_ratio",
            "rows are malformed",
        ),
    ):
        bound = getattr(spec.limits, limit)
        if share > bound * report.rows_read:
            yield f"{share} of {report.rows_read} {words}; limits.{limit} is {bound}"
