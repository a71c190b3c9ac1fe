"""The scorer: what counts as the same value, and what the intervals say."""

from __future__ import annotations

import pytest

from contracts.output import ChoiceOutput, JsonSchemaOutput
from training.evaluate.score import RecordScore, Scorer, field_rate, paired_difference, same_value, wilson

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": ["string", "null"]}, "total": {"type": "number"}},
    "required": ["name", "total"],
    "additionalProperties": False,
}
CONTRACT = JsonSchemaOutput(kind="json_schema", schema=SCHEMA)
GOLD = {"name": "Acme", "total": 1248.5}


@pytest.mark.parametrize(
    ("wanted", "got", "same"),
    [
        (1248.5, 1248.50, True),
        (372, 372.0, True),
        (372.0, 372.01, False),
        (1, True, False),
        ("Café", "Cafe\u0301", True),
        ("Acme", " Acme\n", True),
        ("Acme", "acme", False),
        (None, None, True),
        (None, "null", False),
        ("1", 1, False),
        ([1, "a"], [1.0, "a"], True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
    ],
)
def test_values_compare_by_meaning(wanted: object, got: object, same: bool) -> None:
    assert same_value(wanted, got) is same


def test_a_right_answer_is_exact() -> None:
    score = Scorer(CONTRACT).score("1", GOLD, '{"total": 1248.50, "name": "Acme"}')
    assert score.is_exact
    assert score.fields == {"name": True, "total": True}


def test_a_wrong_field_leaves_the_others_right() -> None:
    score = Scorer(CONTRACT).score("1", GOLD, '{"name":"Acme","total":1.0}')
    assert score.fields == {"name": True, "total": False}
    assert score.is_valid
    assert not score.is_exact


@pytest.mark.parametrize("answer", [None, "", "not json", "[]", '{"name":"Acme"'])
def test_no_answer_or_no_object_has_every_field_wrong_and_is_invalid(answer: str | None) -> None:
    score = Scorer(CONTRACT).score("1", GOLD, answer)
    assert score.fields == {"name": False, "total": False}
    assert not score.is_valid


def test_right_fields_with_an_unknown_one_break_the_schema() -> None:
    score = Scorer(CONTRACT).score("1", GOLD, '{"name":"Acme","total":1248.5,"extra":1}')
    assert all(score.fields.values())
    assert not score.is_exact


def test_a_missing_key_is_not_the_same_as_null() -> None:
    score = Scorer(CONTRACT).score("1", {"name": None, "total": 1}, '{"total":1}')
    assert score.fields == {"name": False, "total": True}


def test_a_choice_is_scored_as_one_field() -> None:
    scorer = Scorer(ChoiceOutput(kind="choice", choices=("bug", "question")))
    assert scorer.score("1", "bug", "bug").is_exact
    assert scorer.score("1", "bug", "else").fields == {"value": False}
    assert not scorer.score("1", "bug", "else").is_valid


def test_wilson_gives_the_published_interval() -> None:
    rate = wilson(81, 263)  # Newcombe 1998, table I
    assert (round(rate.low, 4), round(rate.high, 4)) == (0.2553, 0.3662)


def test_nothing_measured_is_nothing_known() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)
    assert (field_rate([]).low, field_rate([]).high) == (0.0, 1.0)


def _scores(right: list[int]) -> list[RecordScore]:
    return [
        RecordScore(str(n), "", {"a": count > 0, "b": count > 1}, is_valid=True)
        for n, count in enumerate(right)
    ]


def test_the_field_interval_holds_the_rate_and_is_the_same_every_time() -> None:
    scores = _scores([2, 2, 1, 0, 2, 1, 2, 2])
    rate = field_rate(scores)
    assert rate.rate == 12 / 16
    assert rate.low < rate.rate < rate.high
    assert field_rate(scores) == rate


def test_a_perfect_score_still_has_an_interval() -> None:
    rate = field_rate(_scores([2] * 10))
    assert rate.high == 1.0
    assert rate.low < 1.0


def test_a_model_compared_with_itself_differs_by_nothing() -> None:
    scores = _scores([2, 1, 0, 2])
    assert paired_difference(scores, scores) == (0.0, 0.0, 0.0)


def test_a_clearly_better_model_has_its_interval_above_zero() -> None:
    difference, low, high = paired_difference(_scores([2] * 30), _scores([1] * 15 + [0] * 15))
    assert difference == 0.75
    assert 0 < low <= difference <= high
