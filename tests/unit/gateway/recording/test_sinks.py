"""What a record adds to the metrics, and what its line in the log holds."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from contracts.outcome import Attempt, Outcome, OutcomeKind, Usage
from contracts.route import Action, RouteDecision
from contracts.trace import TraceRecord
from gateway.recording import LogSink, MetricsSink
from gateway.telemetry.engines import EngineCollector
from gateway.telemetry.metrics import Metrics
from tests.unit.gateway.engines.fake_engines import FakeClient, make_pool

ATTEMPTS = (
    Attempt("first", "small", "m", Usage(10, 20, 5), 0.25, 0.1, "truncated"),
    Attempt("compact_retry", "small", "m", Usage(1, 2), 0.25, 0.1, "invalid"),
    Attempt("escalation", "large", "l", Usage(100, 200), 2.0, 0.1),
)
DECISION = RouteDecision(Action.ANSWER, "invoice", 0.87, "task:invoice", "v1")


def record(**changes: Any) -> TraceRecord:
    given: dict[str, Any] = {
        "request_id": "req-1",
        "endpoint": "chat",
        "tenant": "acme",
        "task": "invoice",
        "version": "abc",
        "decision": DECISION,
        "outcome": Outcome(OutcomeKind.ESCALATED, ATTEMPTS),
        "seconds": 0.5,
        "time_to_first_token_seconds": 0.04,
        "is_structured": True,
        "inter_token_seconds": (0.01, 0.02),
        **changes,
    }
    return TraceRecord(**given)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"firstline_{name}", labels)


def test_a_record_is_counted_under_its_labels(metrics: Metrics) -> None:
    MetricsSink(metrics).take(record())
    common = {"endpoint": "chat", "task": "invoice"}
    assert value(metrics, "requests_total", **common, action="answer", outcome="escalated", code="") == 1
    assert value(metrics, "request_seconds_sum", **common) == 0.5
    assert value(metrics, "outcomes_total", task="invoice", version="abc", outcome="escalated") == 1
    assert value(metrics, "time_to_first_token_seconds_sum", task="invoice") == 0.04
    assert value(metrics, "inter_token_seconds_count", task="invoice") == 2
    assert value(metrics, "inter_token_seconds_sum", task="invoice") == pytest.approx(0.03)
    assert value(metrics, "router_probability_ratio_sum", action="answer") == 0.87


def test_every_attempt_is_counted_with_its_tokens_and_cost(metrics: Metrics) -> None:
    MetricsSink(metrics).take(record())
    tokens = {
        (pool, kind): value(metrics, "tokens_total", pool=pool, task="invoice", kind=kind)
        for pool in ("small", "large")
        for kind in ("prompt", "completion", "cached")
    }
    assert tokens == {
        ("small", "prompt"): 11,
        ("small", "completion"): 22,
        ("small", "cached"): 5,
        ("large", "prompt"): 100,
        ("large", "completion"): 200,
        ("large", "cached"): 0,
    }
    assert value(metrics, "cost_usd_total", task="invoice", pool="small") == 0.5
    assert value(metrics, "cost_usd_total", task="invoice", pool="large") == 2.0
    assert value(metrics, "attempts_total", pool="small", kind="first", failure="truncated") == 1
    assert value(metrics, "attempts_total", pool="large", kind="escalation", failure="") == 1


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (None, "valid"),
        ("schema", "invalid"),
        ("rule", "invalid"),
        ("truncated", "truncated"),
        ("engine_error", "error"),
        ("client_closed", "error"),
    ],
)
def test_structured_attempts_have_a_verdict(metrics: Metrics, failure: str | None, verdict: str) -> None:
    attempt = Attempt("first", "small", "m", Usage(), 0.0, 0.1, failure)
    outcome = Outcome(OutcomeKind.FAILED, (attempt,), "x")
    MetricsSink(metrics).take(record(outcome=outcome))
    MetricsSink(metrics).take(record(outcome=outcome, is_structured=False))
    labels = {"task": "invoice", "version": "abc"}
    assert value(metrics, "structured_attempts_total", **labels, verdict=verdict) == 1


def test_a_failure_before_the_route_is_counted_without_one(metrics: Metrics) -> None:
    failed = record(
        decision=None,
        task="",
        version="",
        time_to_first_token_seconds=None,
        inter_token_seconds=(),
        outcome=Outcome(OutcomeKind.FAILED, (), "invalid_api_key"),
    )
    MetricsSink(metrics).take(failed)
    labels = {"endpoint": "chat", "task": "", "action": "", "outcome": "failed", "code": "invalid_api_key"}
    assert value(metrics, "requests_total", **labels) == 1
    assert value(metrics, "time_to_first_token_seconds_count", task="") is None


def test_a_decision_of_the_request_itself_says_nothing_of_the_router(metrics: Metrics) -> None:
    MetricsSink(metrics).take(record(decision=RouteDecision(Action.ANSWER, None, 1.0, "model")))
    assert value(metrics, "router_probability_ratio_count", action="answer") is None


def test_a_line_of_the_log_holds_figures_and_no_text() -> None:
    with capture_logs() as lines:
        LogSink().take(record(degraded="no-escalation-pool"))
    assert lines == [
        {
            "event": "request",
            "log_level": "info",
            "request_id": "req-1",
            "endpoint": "chat",
            "tenant": "acme",
            "task": "invoice",
            "version": "abc",
            "action": "answer",
            "reason": "task:invoice",
            "probability": 0.87,
            "outcome": "escalated",
            "code": None,
            "attempts": 3,
            "prompt_tokens": 111,
            "completion_tokens": 222,
            "cost_usd": 2.5,
            "seconds": 0.5,
            "degraded": "no-escalation-pool",
        }
    ]


def test_engines_are_read_when_prometheus_asks() -> None:
    pool = make_pool(FakeClient(), FakeClient())
    registry = CollectorRegistry()
    registry.register(EngineCollector(pool.engines))
    pool.engines[1].lost()
    pool.engines[0].ready_adapters = frozenset({"a@1", "b@1"})

    def read(name: str, engine: str) -> float | None:
        return registry.get_sample_value(f"firstline_engine_{name}", {"engine": engine})

    with pool.engines[0].occupied():
        assert (read("up", "small/0"), read("up", "small/1")) == (1, 0)
        assert (read("requests_in_flight", "small/0"), read("requests_in_flight", "small/1")) == (1, 0)
        assert (read("adapters_ready", "small/0"), read("adapters_ready", "small/1")) == (2, 0)
    assert read("requests_in_flight", "small/0") == 0
