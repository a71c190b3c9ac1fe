"""A comparison of candidates: what is sent, what is counted, and which errors are told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

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
from training.candidates.report import BenchReport, to_markdown
from training.errors import DatasetError

SMALL = {"url": "http://small/v1", "model": "small", "through": "engine"}
BIG = {"url": "http://big/v1", "model": "big", "through": "openai"}
CHEAP = {"prompt_usd_per_million": 1, "completion_usd_per_million": 1}
DEAR = {"prompt_usd_per_million": 100, "completion_usd_per_million": 100}


def _wrapped(text: str) -> str:
    return json.dumps({"answer": text})


def _good(body: Body) -> httpx.Response:
    answer = gold(body)
    return completion(_wrapped(answer) if body["host"] == "big" else answer)


def _kinds(report: BenchReport) -> dict[str, int]:
    return report.arms[0].outcomes


def test_every_candidate_is_asked_about_every_row_in_its_own_dialect(tmp_path: Path) -> None:
    bodies: list[Body] = []

    def answer(body: Body) -> httpx.Response:
        bodies.append(body)
        return _good(body)

    report = run_bench(bench_spec(tmp_path, [SMALL, BIG]), answer)
    assert [one.label for one in report.arms] == ["small (0-shot)", "big (0-shot)"]
    assert [one.right.rate for one in report.arms] == [1.0, 1.0]
    assert [one.valid.rate for one in report.arms] == [1.0, 1.0]
    assert sum(body["host"] == "small" and "structured_outputs" in body for body in bodies) == 20
    assert sum(body["host"] == "big" and "response_format" in body for body in bodies) == 20


def test_examples_are_shown_as_turns_and_all_candidates_see_the_same(tmp_path: Path) -> None:
    shown: dict[tuple[str, int], list[str]] = {}

    def answer(body: Body) -> httpx.Response:
        turns = [turn["content"] for turn in body["messages"] if turn["role"] == "user"]
        shown[body["host"], len(turns) - 1] = turns[:-1]
        return _good(body)

    examples = str(write_rows(tmp_path / "shots.jsonl", tickets(6, "shown")))
    report = run_bench(bench_spec(tmp_path, [SMALL, BIG], examples=examples, shots=[0, 3]), answer)
    assert [one.label for one in report.arms][:2] == ["small (0-shot)", "small (3-shot)"]
    assert len(shown["small", 3]) == 3
    assert shown["small", 3] == shown["big", 3]
    assert shown["small", 0] == []


def test_an_example_that_is_also_asked_about_is_refused(tmp_path: Path) -> None:
    examples = str(write_rows(tmp_path / "shots.jsonl", tickets(6)))
    with pytest.raises(DatasetError, match="would show its own answer"):
        run_bench(bench_spec(tmp_path, [SMALL], examples=examples, shots=[2]), _good)


def test_too_few_examples_are_refused(tmp_path: Path) -> None:
    examples = str(write_rows(tmp_path / "shots.jsonl", tickets(2, "shown")))
    with pytest.raises(DatasetError, match="2 rows, and 4 are to be shown"):
        run_bench(bench_spec(tmp_path, [SMALL], examples=examples, shots=[4]), _good)


def test_of_more_rows_a_sample_is_asked_that_the_seed_decides(tmp_path: Path) -> None:
    asked: list[list[int]] = []
    for seed in (1, 1, 2):
        numbers: list[int] = []

        def answer(body: Body, numbers: list[int] = numbers) -> httpx.Response:
            numbers.append(number(body))
            return _good(body)

        run_bench(bench_spec(tmp_path, [SMALL], rows=tickets(100), limit=20, seed=seed), answer)
        asked.append(sorted(numbers))
    assert asked[0] == asked[1] != asked[2]
    assert len(asked[0]) == 20


def test_the_first_requests_do_not_count(tmp_path: Path) -> None:
    hosts: list[str] = []

    def answer(body: Body) -> httpx.Response:
        hosts.append(body["host"])
        return _good(body)

    report = run_bench(bench_spec(tmp_path, [SMALL], warm_up=3), answer)
    assert len(hosts) == 23
    assert report.arms[0].right.total == 20


def test_kinds_of_errors_are_told_apart(tmp_path: Path) -> None:
    def late(body: Body) -> httpx.Response:
        raise httpx.ReadTimeout("late")

    def cut(body: Body) -> httpx.Response:
        raise httpx.RemoteProtocolError("cut")

    replies = [
        completion("Billing."),
        completion("I'm sorry, I cannot help with that"),
        completion(None, refusal="no"),
        completion("", finish="length"),
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(400, json={"error": {"message": "no such field"}}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(502, json={"error": {"code": "output_invalid"}}),
        completion("", finish="content_filter"),
    ]

    def answer(body: Body) -> httpx.Response:
        place = number(body)
        if place < len(replies):
            return replies[place]
        return {10: late, 11: cut}.get(place, lambda body: completion("other"))(body)

    report = run_bench(bench_spec(tmp_path, [SMALL], rows=tickets(14)), answer)
    assert _kinds(report) == {
        "refused": 3,
        "wrong_value": 2,
        "not_a_choice": 1,
        "truncated": 1,
        "rate_limited": 1,
        "server_error": 1,
        "request_refused": 1,
        "garbled_reply": 1,
        "output_invalid": 1,
        "timeout": 1,
        "connection": 1,
    }
    assert (report.arms[0].answered, report.arms[0].valid.correct) == (7, 2)


INVOICE = {"invoice_id": "A-1", "date": "2026-01-02", "vendor": "Kelmont", "total_amount": 5}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{", "no_json"),
        ("[]", "schema_type"),
        (json.dumps({**INVOICE, "date": "soon"}), "schema_format"),
        (json.dumps({**INVOICE, "more": 1}), "schema_additionalProperties"),
        (json.dumps({"invoice_id": "A-1"}), "schema_required"),
        (json.dumps({**INVOICE, "total_amount": "5"}), "schema_type"),
        (json.dumps({**INVOICE, "total_amount": 6}), "wrong_value"),
        ('{"invoice_id": 1, "invoice_id": 2}', "no_json"),
    ],
)
def test_a_broken_schema_is_named_by_its_keyword(tmp_path: Path, text: str, kind: str) -> None:
    rows = [{"id": "1", "text": "a page", "output": INVOICE}]
    spec = bench_spec(tmp_path, [SMALL], rows=rows, task_name="invoice-extract")
    assert _kinds(run_bench(spec, lambda _body: completion(text))) == {kind: 1}


def test_fields_are_counted_leniently_and_rows_strictly(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "a page", "output": INVOICE}]
    spec = bench_spec(tmp_path, [SMALL], rows=rows, task_name="invoice-extract")
    answer = json.dumps({**INVOICE, "vendor": "KELMONT", "total_amount": 6})
    arm = run_bench(spec, lambda _body: completion(answer)).arms[0]
    assert arm.right.rate == 0.0
    assert arm.field_f1.value == 0.75


def test_an_answer_that_a_gateway_repaired_is_right_and_was_not_valid(tmp_path: Path) -> None:
    repaired = {"x-firstline-outcome": "repaired", "x-firstline-cost-usd": "0.002"}

    def answer(body: Body) -> httpx.Response:
        return completion(gold(body), headers=repaired)

    arm = run_bench(bench_spec(tmp_path, [{**SMALL, "through": "gateway"}]), answer).arms[0]
    assert (arm.right.rate, arm.valid.rate) == (1.0, 0.0)
    assert arm.usd_per_request == pytest.approx(0.002)


def test_costs_follow_prices_and_successes(tmp_path: Path) -> None:
    def answer(body: Body) -> httpx.Response:
        return completion(gold(body) if number(body) < 5 else "other!")

    arm = run_bench(bench_spec(tmp_path, [{**SMALL, "prices": DEAR}]), answer).arms[0]
    assert arm.usd_per_request == pytest.approx(110 * 100 / 1e6)
    assert arm.usd_per_success == pytest.approx(20 * 110 * 100 / 1e6 / 5)
    assert (arm.prompt_tokens_mean, arm.completion_tokens_mean) == (100.0, 10.0)


def test_without_prices_there_is_no_cost(tmp_path: Path) -> None:
    arm = run_bench(bench_spec(tmp_path, [SMALL]), _good).arms[0]
    assert (arm.usd_per_request, arm.usd_per_success) == (None, None)


def test_fields_of_a_candidate_change_its_requests(tmp_path: Path) -> None:
    bodies: list[Body] = []

    def answer(body: Body) -> httpx.Response:
        bodies.append(body)
        return _good(body)

    more: dict[str, Any] = {
        "temperature": None,
        "max_tokens": 99,
        "max_tokens_field": "max_completion_tokens",
        "extra": {"reasoning_effort": "low"},
    }
    run_bench(bench_spec(tmp_path, [{**SMALL, **more}]), answer)
    assert bodies[0]["max_completion_tokens"] == 99
    assert bodies[0]["reasoning_effort"] == "low"
    assert not bodies[0].keys() & {"temperature", "max_tokens"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"shots": [2]}, "needs examples"),
        ({"shots": [0, 0]}, "a number stands twice"),
        ({"limit": 0}, "limit"),
        ({"speed": 1}, "speed"),
        ({"candidates": []}, "candidates"),
        ({"candidates": [SMALL, {**SMALL, "url": "http://other/v1"}]}, "two are called 'small'"),
        ({"candidates": [{**SMALL, "api_key": "x"}]}, r"candidates\.0\.api_key"),
    ],
)
def test_a_wrong_specification_is_refused(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        bench_spec(tmp_path, **{"candidates": [SMALL], **keys})


def test_a_key_that_is_not_there_stops_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    asked: list[Body] = []

    def answer(body: Body) -> httpx.Response:
        asked.append(body)
        return _good(body)

    with pytest.raises(DatasetError, match="NO_SUCH_KEY is not set"):
        run_bench(bench_spec(tmp_path, [SMALL, {**BIG, "api_key_env": "NO_SUCH_KEY"}]), answer)
    assert asked == []


def test_the_report_reads_as_json_and_as_markdown(tmp_path: Path) -> None:
    report = run_bench(bench_spec(tmp_path, [{**SMALL, "prices": CHEAP}, {**BIG, "prices": DEAR}]), _good)
    assert BenchReport.model_validate_json(report.model_dump_json()) == report
    assert report.schema_version == 1
    text = to_markdown(report)
    assert "| right | 100 % (84 to 100) | 100 % (84 to 100) |" in text
    assert "## Recommendation: small (0-shot)" in text
    assert "1 request(s) at a time for each candidate, after 0 not counted" in text
