"""Specifications, rows and scored answers for tests of evaluation, made without a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.output import ChoiceOutput, JsonSchemaOutput, TextOutput
from contracts.task import Task
from training.errors import SpecificationError
from training.evaluate.asking import Answer
from training.evaluate.golden import GoldenRow
from training.evaluate.observe import Observation
from training.evaluate.score import RecordScore
from training.evaluate.spec import Specification
from training.yaml_files import validated

FIELDS = ("invoice_id", "total")
SCHEMA = {
    "type": "object",
    "properties": {"invoice_id": {"type": ["string", "null"]}, "total": {"type": ["number", "null"]}},
    "required": list(FIELDS),
    "additionalProperties": False,
}
INVOICES = Task(
    name="invoices",
    description="-",
    base_model="small",
    output=JsonSchemaOutput(kind="json_schema", schema=SCHEMA),
)
QUEUES = Task(
    name="queues",
    description="-",
    base_model="small",
    output=ChoiceOutput(kind="choice", choices=("billing", "shipping", "other")),
)
NOTES = Task(name="notes", description="-", base_model="small", output=TextOutput())


def specification(*metrics: Mapping[str, Any], **changes: Any) -> Specification:
    """A specification with some rules; everything else at its defaults or as given."""
    content = {
        "name": "gate",
        "owners": ["owner"],
        "task": "task.yaml",
        "golden": [{"file": "golden.jsonl", "licence": "CC0-1.0"}],
        "metrics": list(metrics) or [{"metric": "records_exact", "minimum": 0.5}],
        **changes,
    }
    return validated(Specification, content, "spec.yaml", SpecificationError)


def observed(
    number: int, *right: bool, group: str = "", seconds: float = 0.1, lost: bool = False
) -> Observation:
    """A record whose fields are right or wrong as given; each has a cost of its own."""
    fields = {f"field-{at}": one and not lost for at, one in enumerate(right)}
    row = GoldenRow(id=str(number), text="text", output=dict.fromkeys(fields, "x"), group=group)
    answer = Answer(row.id, None if lost else "{}", seconds, error="ConnectError" if lost else "")
    return Observation(
        row=row,
        answer=answer,
        score=RecordScore(row.id, "", fields, is_valid=not lost),
        is_lost=lost,
        is_first_valid=not lost,
        is_refused=False,
        cost_usd=None if lost else 0.1 + number / 100,
    )
