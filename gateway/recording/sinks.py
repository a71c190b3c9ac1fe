"""Where closed records go: the metrics and the log."""

from __future__ import annotations

import structlog

from contracts.trace import TraceRecord
from gateway.telemetry.metrics import Metrics

VERIFIER = "verifier"
_CHECKS = frozenset({"json", "schema", "format", "tool", "rule", "grounding", "verifier"})
"""The checks of an answer, as attempts name them; other failures are the engine's or the client's."""

_log = structlog.get_logger("firstline.request")


class MetricsSink:
    """Counts a record."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def take(self, record: TraceRecord) -> None:
        """Count one record."""
        metrics, outcome = self._metrics, record.outcome
        action = str(record.decision.action) if record.decision else ""
        code = outcome.error_code or ""
        metrics.requests.labels(record.endpoint, record.task, action, str(outcome.kind), code).inc()
        metrics.request_seconds.labels(record.endpoint, record.task).observe(record.seconds)
        metrics.outcomes.labels(record.task, record.version, str(outcome.kind)).inc()
        if record.time_to_first_token_seconds is not None:
            metrics.first_token_seconds.labels(record.task).observe(record.time_to_first_token_seconds)
        if record.inter_token_seconds:
            gaps = metrics.inter_token_seconds.labels(record.task)
            for gap in record.inter_token_seconds:
                gaps.observe(gap)
        if record.decision is not None and record.decision.router_version:
            metrics.router_probability.labels(action).observe(record.decision.probability)
        if record.is_structured:
            labels = (record.task, record.version, record.schema)
            metrics.structured_requests.labels(*labels, str(outcome.kind)).inc()
        self._count_attempts(record)

    def _count_attempts(self, record: TraceRecord) -> None:
        metrics, task = self._metrics, record.task
        for attempt in record.outcome.attempts:
            usage = attempt.usage
            metrics.attempts.labels(attempt.pool, attempt.kind, attempt.failure or "").inc()
            metrics.tokens.labels(attempt.pool, task, "prompt").inc(usage.prompt_tokens)
            metrics.tokens.labels(attempt.pool, task, "completion").inc(usage.completion_tokens)
            metrics.tokens.labels(attempt.pool, task, "cached").inc(usage.cached_tokens)
            metrics.cost_usd.labels(task, attempt.pool).inc(attempt.cost_usd)
            if record.is_structured and attempt.kind != VERIFIER:
                labels = (task, record.version, record.schema)
                metrics.structured_attempts.labels(task, record.version, _verdict(attempt.failure)).inc()
                if attempt.failure is not None:
                    metrics.structured_failures.labels(*labels, attempt.failure).inc()


def _verdict(failure: str | None) -> str:
    if failure is None or failure == "truncated":
        return failure or "valid"
    return "invalid" if failure in _CHECKS else "error"


class LogSink:
    """Writes one line a request, without its texts."""

    def take(self, record: TraceRecord) -> None:
        """Write one record."""
        decision, outcome = record.decision, record.outcome
        _log.info(
            "request",
            request_id=record.request_id,
            endpoint=record.endpoint,
            tenant=record.tenant,
            task=record.task,
            version=record.version,
            action=str(decision.action) if decision else "",
            reason=decision.reason if decision else "",
            probability=round(decision.probability, 4) if decision else None,
            outcome=str(outcome.kind),
            code=outcome.error_code,
            attempts=len(outcome.attempts),
            prompt_tokens=outcome.usage.prompt_tokens,
            completion_tokens=outcome.usage.completion_tokens,
            cost_usd=round(outcome.cost_usd, 9),
            seconds=round(record.seconds, 4),
            degraded=record.degraded,
        )
