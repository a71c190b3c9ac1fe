"""Changed copies of train's rows; held-out splits keep only what was collected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from training.data.augment.augment import Plan, augmented
from training.data.examples import Example
from training.data.pipeline.rows import Row
from training.data.pipeline.spec import Augment


def augmented_rows(rows: Sequence[Row], augment: Augment, seed: int) -> list[Row]:
    """The copies alone, which keep the slice and group of their row and name it in `source`.

    Raises:
        DatasetError: the task's outputs are no JSON objects, or lack a field of the plan.
    """
    examples = [
        Example(id=row.id, text=row.text, output=row.output, group=row.group, slice=row.slice) for row in rows
    ]
    plan = Plan(
        fields=augment.fields,
        unchanged_ratio=augment.unchanged_ratio,
        swap_ratio=augment.swap_ratio,
        vary_ratio=augment.vary_ratio,
        noise_rate=augment.noise_rate,
        drop_ratio=augment.drop_ratio,
        new_numbers=augment.new_numbers,
    )
    by_source = {f"augmented:{row.id}": row for row in rows}
    return [
        replace(
            by_source[copy.source],
            id=copy.id,
            text=copy.text,
            output=copy.output,
            source=copy.source,
            rejected_output=None,
        )
        for copy in augmented(examples, plan, augment.copies, seed)
    ]
