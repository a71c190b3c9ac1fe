"""What became of one row: right, wrong, or which kind of failure, before any repair."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput
from contracts.task import Task
from training.candidates.spec import Candidate
from training.data.examples import Example
from training.data.strict_json import parse_json
from training.data.synthesis.wire import Reply
from training.errors import MissingLibraryError
from training.evaluate.score import RecordScore, Scorer

if TYPE_CHECKING:
    import jsonschema_rs

RIGHT: Final = "right"
WRONG: Final = "wrong_value"

_REFUSAL: Final = re.compile(
    r"^\W*(?:i(?:'m| am) (?:sorry|unable)|sorry,|i (?:cannot|can't|can not|won't|will not) |as an ai\b)",
    re.IGNORECASE,
)
_NOT_REPAIRED: Final = frozenset({"", "valid"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row with one arm. `kind` is `right`, `wrong_value` or a failure.

    `is_valid` holds before any repair; `is_answered` says that the server gave a completion.
    """

    kind: str
    is_valid: bool
    score: RecordScore
    seconds: float
    is_answered: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None

    @property
    def is_right(self) -> bool:
        """Whether the answer keeps the contract and every value is right."""
        return self.kind == RIGHT


class OutcomeReader:
    """Reads replies under one task."""

    def __init__(self, task: Task) -> None:
        self._output = task.output
        self._scorer = Scorer(task.output)
        self._is_json = isinstance(task.output, JsonSchemaOutput | JsonObjectOutput)
        self._validator = _validator(task)

    def read(self, row: Example, reply: Reply, candidate: Candidate) -> Outcome:
        """What a reply is worth against its row."""
        is_answered = reply.failure is None
        score = self._scorer.score(row.id, row.output, reply.text if is_answered else None, row.slice)
        kind = self._kind(reply, score)
        return Outcome(
            kind=kind,
            is_valid=score.is_valid and kind in (RIGHT, WRONG) and reply.outcome in _NOT_REPAIRED,
            score=score,
            seconds=reply.seconds,
            is_answered=is_answered,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost_usd=_cost(reply, candidate),
        )

    def _kind(self, reply: Reply, score: RecordScore) -> str:
        if reply.failure is not None:
            return reply.code if reply.code == "output_invalid" else reply.failure.value
        if reply.refusal or reply.finish_reason == "content_filter" or reply.outcome == "refused":
            return "refused"
        if score.is_exact:
            return RIGHT
        if reply.finish_reason == "length":
            return "truncated"
        if score.is_valid:
            return WRONG
        return "refused" if _REFUSAL.match(reply.text or "") else self._violation(reply.text or "")

    def _violation(self, text: str) -> str:
        """Which rule of the contract the answer breaks: that of the schema is named by its keyword."""
        if isinstance(self._output, ChoiceOutput):
            return "not_a_choice"
        if not self._is_json:
            return "breaks_contract"
        try:
            value = parse_json(text)
        except ValueError:
            return "no_json"
        if self._validator is None:
            return "no_object"
        error = next(iter(self._validator.iter_errors(value)), None)
        path = [] if error is None else list(error.schema_path)
        return f"schema_{path[-1]}" if path else "breaks_contract"


def _validator(task: Task) -> jsonschema_rs.Validator | None:
    if not isinstance(task.output, JsonSchemaOutput):
        return None
    try:
        import jsonschema_rs  # noqa: PLC0415 - an engine's environment may lack it
    except ModuleNotFoundError as error:
        raise MissingLibraryError("jsonschema-rs") from error
    return jsonschema_rs.validator_for(task.output.json_schema, validate_formats=True)


def _cost(reply: Reply, candidate: Candidate) -> float | None:
    """By the stated prices, or else by the gateway's word; None where neither tells."""
    if candidate.prices is None:
        return reply.cost_usd
    if reply.prompt_tokens is None or reply.completion_tokens is None:
        return 0.0 if reply.failure is not None else None
    return candidate.prices.cost_usd(reply.prompt_tokens, reply.completion_tokens)
