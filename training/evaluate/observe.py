"""What was observed of one row: the answer, its score, and everything that metrics count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from contracts.output import ChoiceOutput, TextOutput
from contracts.task import Task
from training.evaluate.asking import Answer
from training.evaluate.golden import GoldenRow
from training.evaluate.matching import is_absent
from training.evaluate.score import RecordScore, Scorer, same_value
from training.evaluate.spec import Specification

ESCALATED = "escalated"
REFUSED = "refused"
_VALID = "valid"
_LOST_STATUS = frozenset({"401", "403", "404", "408", "429", "500", "503", "504"})


@dataclass(frozen=True, slots=True)
class Observation:
    """One row's answer, scored.

    `is_lost`: the request got no judgement at all (no connection, overload), so it says nothing about the
    model. `is_first_valid`: what the model wrote kept the contract before any repair. `repeats` and
    `variants` say for each further answer whether it agrees. `gold_label` is None where the row has no
    class, and `label` empty where the answer names none. `abstentions` says for each thing that could be
    answered whether the right answer is none, and whether the given one was wrong about that. `rouge`,
    `mark`, `preference`, `is_not_toxic` and `cost_usd` are None where they were not asked for or could not
    be had.
    """

    row: GoldenRow
    answer: Answer
    score: RecordScore
    is_lost: bool
    is_first_valid: bool
    is_refused: bool
    is_free_text: bool = False
    gold_label: str | None = None
    label: str = ""
    abstentions: tuple[tuple[bool, bool], ...] = ()
    cost_usd: float | None = None
    rouge: float | None = None
    mark: float | None = None
    preference: float | None = None
    is_not_toxic: bool | None = None
    repeats: tuple[bool, ...] = ()
    variants: tuple[bool, ...] = ()


class Observer:
    """Scores answers under one specification; the same for every way of asking."""

    def __init__(self, spec: Specification, task: Task) -> None:
        self._spec = spec
        self._task = task
        self._scorer = Scorer(task.output)
        self._refusals = [re.compile(pattern) for pattern in spec.refusal_patterns]

    def observe(self, row: GoldenRow, answer: Answer) -> Observation:
        """Score one answer. What an escalation pool answered is not the model's own."""
        own = replace(answer, text=None) if answer.outcome == ESCALATED else answer
        is_refused = self._is_refused(own)
        text = None if row.refuse and not is_refused else own.text
        score = self._scorer.score(row.id, row.output, text, row.slice)
        if row.refuse:
            score = replace(score, fields={}, matched={}, is_valid=is_refused)
        gold_label = None if row.refuse else self._label(row.output)
        one = Observation(
            row=row,
            answer=answer,
            score=score,
            is_lost=is_lost(answer),
            is_first_valid=score.is_valid and answer.outcome in ("", _VALID),
            is_refused=is_refused,
            is_free_text=isinstance(self._task.output, TextOutput) and not row.refuse,
            gold_label=gold_label if isinstance(gold_label, str) else None,
            label=self._given_label(score.value),
            cost_usd=self._cost(answer),
        )
        return replace(one, abstentions=self._abstentions(one))

    def _given_label(self, value: object) -> str:
        label = self._label(value)
        if not isinstance(label, str):
            return ""
        if self._spec.label_field is None and isinstance(self._task.output, ChoiceOutput):
            return label.strip() if label.strip() in self._task.output.choices else ""
        return label

    def _abstentions(self, one: Observation) -> tuple[tuple[bool, bool], ...]:
        """A row to be refused is one thing, a class is one thing, else each gold field is.

        No answer at all is wrong on both sides.
        """
        if one.row.refuse:
            return ((True, not one.is_refused),)
        if self._spec.abstain_label is not None:
            wanted = one.gold_label == self._spec.abstain_label
            given = one.label == self._spec.abstain_label
            return ((wanted, not one.label or given != wanted),)
        if not isinstance(one.row.output, Mapping):
            return ((False, one.is_refused or one.score.value is None),)
        got = one.score.value
        if not isinstance(got, Mapping):
            return tuple((is_absent(value), True) for value in one.row.output.values())
        return tuple(
            (is_absent(value), is_absent(value) != is_absent(got.get(name)))
            for name, value in one.row.output.items()
        )

    def _cost(self, answer: Answer) -> float | None:
        prices = self._spec.prices
        if answer.cost_usd is not None or prices is None:
            return answer.cost_usd
        prompt = answer.prompt_tokens * prices.prompt_usd_per_million
        return (prompt + answer.completion_tokens * prices.completion_usd_per_million) / 1e6

    def _label(self, value: object) -> object:
        field = self._spec.label_field
        if field is not None:
            return value.get(field) if isinstance(value, Mapping) else None
        return value if isinstance(self._task.output, ChoiceOutput) else None

    def _is_refused(self, answer: Answer) -> bool:
        if answer.outcome == REFUSED:
            return True
        text = (answer.text or "").strip()
        return bool(text) and (
            text == self._task.policy.refusal.strip() or any(one.search(text) for one in self._refusals)
        )


def is_lost(answer: Answer) -> bool:
    """Whether a request ended without a word about the model: no connection, no time, no room.

    A refusal of the request (4xx) and an answer that could not be proven are judgements.
    """
    if not answer.error:
        return False
    status, _, code = answer.error.partition(" ")
    return not status.isdecimal() or status in _LOST_STATUS or code.startswith("engine_")


def agree(one: Observation, other: Observation) -> bool:
    """Whether two answers say the same; where neither says anything they do not agree."""
    if one.is_refused or other.is_refused:
        return one.is_refused and other.is_refused
    mine, theirs = one.score.value, other.score.value
    return mine is not None and same_value(mine, theirs)
