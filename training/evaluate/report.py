"""Figures of several models on one data file: how much was right, and which answers were wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from statistics import quantiles

from contracts.task import Task
from training.data.examples import Dataset, Example
from training.evaluate.asking import Answer, Target
from training.evaluate.records import (
    MAX_MISTAKES,
    Comparison,
    MeasuredReport,
    Mistake,
    ModelReport,
    RateRow,
    SliceRow,
)
from training.evaluate.score import (
    Rate,
    RecordScore,
    Scorer,
    field_rate,
    paired_difference,
    wilson,
)

__all__ = ["ModelReport", "evaluation_report", "model_report"]


def evaluation_report(
    task: Task, dataset: Dataset, answers: Sequence[tuple[Target, Sequence[Answer]]]
) -> MeasuredReport:
    """Score every model's answers, and compare each later model with the first."""
    scorer = Scorer(task.output)
    scored = [(target, given, _scores(scorer, dataset, given)) for target, given in answers]
    first, *others = scored
    comparisons = []
    for target, _, scores in others:
        difference, low, high = paired_difference(first[2], scores)
        comparisons.append(
            Comparison(model=first[0].model, other=target.model, difference=difference, low=low, high=high)
        )
    return MeasuredReport(
        task=task.name,
        task_version=task.version,
        data_sha256=dataset.sha256,
        records=len(dataset.examples),
        concurrency=first[0].concurrency,
        models=tuple(
            model_report(
                target.model,
                target.through.value,
                examples=dataset.examples,
                answers=given,
                scores=scores,
            )
            for target, given, scores in scored
        ),
        comparisons=tuple(comparisons),
    )


def _scores(scorer: Scorer, dataset: Dataset, answers: Sequence[Answer]) -> list[RecordScore]:
    pairs = zip(dataset.examples, answers, strict=True)
    return [scorer.score(one.id, one.output, answer.text, one.slice) for one, answer in pairs]


def model_report(
    model: str,
    through: str,
    *,
    examples: Sequence[Example],
    answers: Sequence[Answer],
    scores: Sequence[RecordScore],
) -> ModelReport:
    """One model's figures; a row belongs to the one slice that it names."""
    names = sorted({score.slice for score in scores})
    return ModelReport(
        model=model,
        through=through,
        fields_exact=rate_row(field_rate(scores)),
        by_field=_by_field(scores),
        records_exact=rate_row(wilson(sum(score.is_exact for score in scores), len(scores))),
        schema_valid=rate_row(wilson(sum(score.is_valid for score in scores), len(scores))),
        by_slice={
            name: slice_row([score for score in scores if score.slice == name]) for name in names if name
        },
        latency_seconds=_latency([answer.latency_seconds for answer in answers]),
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        completion_tokens=sum(answer.completion_tokens for answer in answers),
        errors=dict(Counter(answer.error for answer in answers if answer.error)),
        finish_reasons=dict(Counter(answer.finish_reason for answer in answers if answer.finish_reason)),
        mistakes=_mistakes(examples, answers, scores),
    )


def _by_field(scores: Sequence[RecordScore]) -> dict[str, RateRow]:
    names = list(dict.fromkeys(name for score in scores for name in score.fields))
    rows = {}
    for name in names:
        outcomes = [score.fields[name] for score in scores if name in score.fields]
        rows[name] = rate_row(wilson(sum(outcomes), len(outcomes)))
    return rows


def slice_row(scores: Sequence[RecordScore]) -> SliceRow:
    """The figures of one part of the data."""
    exact = wilson(sum(score.is_exact for score in scores), len(scores))
    return SliceRow(
        records=len(scores), fields_exact=rate_row(field_rate(scores)), records_exact=rate_row(exact)
    )


def _latency(seconds: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [*seconds] * 99
    return {name: round(cuts[at - 1], 4) for name, at in (("p50", 50), ("p90", 90), ("p99", 99))}


def _mistakes(
    examples: Sequence[Example], answers: Sequence[Answer], scores: Sequence[RecordScore]
) -> tuple[Mistake, ...]:
    wrong = [
        Mistake(id=one.id, group=one.group, expected=one.output, got=answer.text, error=answer.error)
        for one, answer, score in zip(examples, answers, scores, strict=True)
        if not score.is_exact
    ]
    return tuple(wrong[:MAX_MISTAKES])


def rate_row(rate: Rate) -> RateRow:
    """A rate as a report writes it."""
    return RateRow.model_validate(asdict(rate))
