"""Figures of free text, noted on the observations: ROUGE-L, the judge's mark, and its preference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from training.evaluate.judge import JudgeClient, Text, gold_text
from training.evaluate.observe import Observation
from training.evaluate.rouge import RougeL

ByRole = Mapping[str, Sequence[Observation]]


async def with_text_scores(observed: ByRole, judge: JudgeClient | None) -> dict[str, list[Observation]]:
    """The observations with what can be said of their texts; the first role is preferred to the second.

    A row without an answer has 0 everywhere, and costs no question.
    """
    scored = {role: _with_rouge(given) for role, given in observed.items()}
    if judge is None:
        return scored
    for role, given in scored.items():
        scored[role] = await _with_marks(given, judge)
    first, *others = scored
    if others:
        scored[first] = await _with_preferences(scored[first], scored[others[0]], judge)
    return scored


def _with_rouge(given: Sequence[Observation]) -> list[Observation]:
    if not any(one.is_free_text for one in given):
        return list(given)
    scorer = RougeL()
    return [
        replace(one, rouge=scorer.score(str(one.row.output), _said(one))) if one.is_free_text else one
        for one in given
    ]


async def _with_marks(given: Sequence[Observation], judge: JudgeClient) -> list[Observation]:
    asked = [at for at, one in enumerate(given) if one.is_free_text and _said(one)]
    marks = dict(zip(asked, await judge.marks([_text(given[at]) for at in asked]), strict=True))
    return [
        replace(one, mark=marks.get(at, 0.0)) if one.is_free_text else one for at, one in enumerate(given)
    ]


async def _with_preferences(
    given: Sequence[Observation], others: Sequence[Observation], judge: JudgeClient
) -> list[Observation]:
    asked = [
        at
        for at, (one, other) in enumerate(zip(given, others, strict=True))
        if one.is_free_text and _said(one) and _said(other)
    ]
    said = await judge.preferences([(_text(given[at]), _said(others[at]) or "") for at in asked])
    preferences = dict(zip(asked, said, strict=True))
    return [
        replace(one, preference=preferences[at] if at in preferences else _by_silence(one, other))
        if one.is_free_text
        else one
        for at, (one, other) in enumerate(zip(given, others, strict=True))
    ]


def _by_silence(one: Observation, other: Observation) -> float:
    if bool(_said(one)) == bool(_said(other)):
        return 0.5
    return 1.0 if _said(one) else 0.0


def _said(one: Observation) -> str | None:
    """What the model itself wrote."""
    value = one.score.value
    return value if isinstance(value, str) and value.strip() else None


def _text(one: Observation) -> Text:
    return Text(one.row.text, gold_text(one.row.output), _said(one) or "")
