"""The recommendation: no claim beyond what the rows show, and money decides among equals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from scipy.stats import binomtest

from tests.unit.training.candidates.benches import (
    Body,
    bench_spec,
    completion,
    gold,
    number,
    run_bench,
    tickets,
    write_rows,
)
from training.candidates.advice import Advice, exact_p_value, paired_difference

CHEAP = {"prompt_usd_per_million": 1, "completion_usd_per_million": 1}
DEAR = {"prompt_usd_per_million": 100, "completion_usd_per_million": 100}


def _candidate(name: str, prices: dict[str, int] | None = None) -> dict[str, Any]:
    return {"url": f"http://{name}/v1", "model": name, "through": "engine", "prices": prices}


def _advice(
    folder: Path, right: dict[str, int], prices: dict[str, dict[str, int]] | None = None, **keys: Any
) -> Advice:
    """Each candidate has its first so many rows right."""

    def answer(body: Body) -> httpx.Response:
        return completion(gold(body) if number(body) < right[body["host"]] else "nonsense")

    candidates = [_candidate(name, (prices or {}).get(name)) for name in right]
    return run_bench(bench_spec(folder, candidates, **{"rows": tickets(40), **keys}), answer).advice


def test_a_candidate_that_is_measurably_better_is_recommended_whatever_it_costs(tmp_path: Path) -> None:
    advice = _advice(tmp_path, {"small": 15, "big": 36}, {"small": CHEAP, "big": DEAR})
    assert (advice.recommended, advice.basis, advice.equals) == ("big (0-shot)", "better", ("big (0-shot)",))
    assert "measurably better than every other: 90 % right (77 to 96)" in advice.reasons[0]
    (pair,) = advice.pairs
    assert (pair.leader_alone_right, pair.other_alone_right) == (21, 0)
    assert pair.p_value < 0.001


def test_without_a_measurable_difference_the_cheaper_is_recommended_and_the_risk_is_named(
    tmp_path: Path,
) -> None:
    advice = _advice(tmp_path, {"small": 34, "big": 36}, {"small": CHEAP, "big": DEAR})
    assert (advice.recommended, advice.basis) == ("small (0-shot)", "cheaper")
    assert advice.reasons[0].startswith("No candidate is measurably better among these 2 on 40 rows")
    assert advice.reasons[1].startswith("Take the cheaper: small (0-shot)")
    assert advice.reasons[2].startswith("Not measurably better is not equal: big (0-shot) could still be")


def test_without_prices_the_faster_is_recommended_and_that_is_said(tmp_path: Path) -> None:
    advice = _advice(tmp_path, {"small": 34, "big": 36})
    assert advice.basis == "faster"
    assert "Not all of them have prices" in advice.reasons[1]


def test_more_candidates_need_a_clearer_difference(tmp_path: Path) -> None:
    two = _advice(tmp_path, {"a": 29, "b": 35})
    four = _advice(tmp_path, {"a": 29, "b": 35, "c": 34, "d": 34})
    assert two.equals == ("b (0-shot)",)
    assert "a (0-shot)" in four.equals


def test_a_candidate_with_nothing_right_is_never_recommended(tmp_path: Path) -> None:
    advice = _advice(tmp_path, {"bad": 0, "good": 3}, {"bad": CHEAP, "good": DEAR}, rows=tickets(4))
    assert advice.recommended == "good (0-shot)"
    assert advice.reasons[-1].startswith("4 rows are few")


def test_nothing_right_recommends_nothing(tmp_path: Path) -> None:
    advice = _advice(tmp_path, {"a": 0, "b": 0})
    assert (advice.recommended, advice.basis) == (None, "nothing")
    assert "not" not in advice.reasons[0].split()
    assert "check the task's prompt" in advice.reasons[0]


def test_no_answer_at_all_points_at_urls_and_keys(tmp_path: Path) -> None:
    spec = bench_spec(tmp_path, [_candidate("a")])
    advice = run_bench(spec, lambda _body: httpx.Response(503)).advice
    assert advice.reasons == ("No request was answered: check URLs, models and keys.",)
    assert advice.tuning == "undecided"


@pytest.mark.parametrize(
    ("right", "target", "tuning"),
    [(40, 0.9, "not_needed"), (20, 0.95, "worth_trying"), (38, 0.95, "undecided")],
)
def test_tuning_is_judged_by_the_interval_and_the_target(
    tmp_path: Path, right: int, target: float, tuning: str
) -> None:
    assert _advice(tmp_path, {"a": right}, target=target).tuning == tuning


def test_failures_of_form_ask_for_a_grammar_before_tuning(tmp_path: Path) -> None:
    advice = _advice(tmp_path, {"a": 20})
    assert "20 of 20 failures are of form: force the grammar" in advice.tuning_reasons[1]


def test_what_examples_gain_is_said(tmp_path: Path) -> None:
    examples = str(write_rows(tmp_path / "shots.jsonl", tickets(6, "shown")))

    def answer(body: Body) -> httpx.Response:
        limit = 30 if len(body["messages"]) > 3 else 10
        return completion(
            gold(body) if number(body) < limit else "other" if gold(body) != "other" else "billing"
        )

    spec = bench_spec(tmp_path, [_candidate("a")], rows=tickets(40), examples=examples, shots=[0, 3])
    advice = run_bench(spec, answer).advice
    assert advice.recommended == "a (3-shot)"
    assert any("Showing 3 examples gains a 50 points" in reason for reason in advice.tuning_reasons)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (6, 0), (9, 2), (5, 5), (30, 11)])
def test_the_exact_test_is_that_of_the_binomial(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert exact_p_value(first, second) == pytest.approx(expected)


def test_the_interval_of_a_difference_holds_it_and_narrows_with_rows() -> None:
    few, many = paired_difference(3, 1, 20), paired_difference(30, 10, 200)
    for one in (few, many):
        assert one.low <= one.value == 0.1 <= one.high
    assert many.high - many.low < few.high - few.low
