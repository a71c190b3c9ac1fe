"""Which slices a row belongs to: those it names, its suite's, and those whose predicate it meets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from training.evaluate.golden import GoldenRow
from training.evaluate.matching import is_absent
from training.evaluate.spec import SlicePredicate, Specification

SUITE_PREFIX = "suite/"


def slices_of(row: GoldenRow, spec: Specification) -> frozenset[str]:
    """The names of a row's slices; a perturbed row is in those of its suite alone.

    They are `suite/NAME`, and `suite/NAME.KIND` where the suite names the kind among the row's slices.
    """
    if row.suite:
        kinds = [name for name in row.slices if name.startswith(f"{row.suite}.")]
        return frozenset(SUITE_PREFIX + name for name in (row.suite, *kinds))
    met = {name for name, predicate in spec.slices.items() if _meets(row, predicate)}
    return frozenset(({row.slice, *row.slices} | met) - {""})


def slice_counts(rows: Sequence[GoldenRow], spec: Specification) -> dict[str, int]:
    """How many rows each slice has; a declared slice without rows has 0."""
    counts = dict.fromkeys(spec.slices, 0)
    for row in rows:
        for name in sorted(slices_of(row, spec)):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _meets(row: GoldenRow, predicate: SlicePredicate) -> bool:
    return all(
        (
            _found(predicate.text_matches, row.text, predicate.times),
            _found(predicate.group_matches, row.group, 1),
            predicate.null_fields is None or _nulls(row.output) >= predicate.null_fields,
            predicate.null_field is None or _is_null(row.output, predicate.null_field),
            len(row.text) >= (predicate.min_characters or 0),
            predicate.ids is None or row.id in predicate.ids,
        )
    )


def _found(pattern: str | None, text: str, times: int) -> bool:
    return pattern is None or sum(1 for _ in islice(re.finditer(pattern, text), times)) == times


def _nulls(output: object) -> int:
    return sum(map(is_absent, output.values())) if isinstance(output, Mapping) else int(is_absent(output))


def _is_null(output: object, name: str) -> bool:
    return isinstance(output, Mapping) and name in output and is_absent(output[name])
