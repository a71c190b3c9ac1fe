"""The metrics that the gateway exports; label values come from configuration, never from a client."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_VET_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PROBABILITIES = tuple(step / 20 for step in range(1, 21))


class Metrics:
    """One set of metrics on one registry; a test makes its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series each that nobody reads
        self.registry = registry
        self.requests = self._counter(
            "firstline_requests_total",
            "Requests that ended, by endpoint, task, action, outcome and error code.",
            ("endpoint", "task", "action", "outcome", "code"),
        )
        self.request_seconds = self._histogram(
            "firstline_request_seconds", "End-to-end latency of a request.", ("endpoint", "task"), _SECONDS
        )
        self.first_token_seconds = self._histogram(
            "firstline_time_to_first_token_seconds", "Time to a stream's first delta.", ("task",), _SECONDS
        )
        self.inter_token_seconds = self._histogram(
            "firstline_inter_token_seconds", "Time between two deltas of a stream.", ("task",), _TOKEN_SECONDS
        )
        self.outcomes = self._counter(
            "firstline_outcomes_total",
            "Outcomes by task and adapter version.",
            ("task", "version", "outcome"),
        )
        self._add_structured()
        self.router_probability = self._histogram(
            "firstline_router_probability_ratio",
            "Calibrated probability of the route decisions that the router made.",
            ("action",),
            _PROBABILITIES,
        )
        self.in_flight = Gauge(
            "firstline_requests_in_flight", "Requests that are open now.", ["endpoint"], registry=registry
        )
        self.tokens = self._counter(
            "firstline_tokens_total",
            "Tokens of all attempts, by pool and kind (prompt, completion, cached).",
            ("pool", "task", "kind"),
        )
        self.cost_usd = self._counter(
            "firstline_cost_usd_total", "Money spent on all attempts, by task and pool.", ("task", "pool")
        )
        self.attempts = self._counter(
            "firstline_attempts_total",
            "Generations, by pool, rung and failure.",
            ("pool", "kind", "failure"),
        )
        self.records_lost = self._counter(
            "firstline_records_lost_total", "Trace records dropped at a full queue.", ()
        )

    def _add_structured(self) -> None:
        self.structured_attempts = self._counter(
            "firstline_structured_attempts_total",
            "Generations under an output contract, by verdict: valid, invalid, truncated, error.",
            ("task", "version", "verdict"),
        )
        self.structured_requests = self._counter(
            "firstline_structured_requests_total",
            "Requests under an output contract, by outcome: valid, repaired, escalated, refused, failed.",
            ("task", "version", "schema", "outcome"),
        )
        self.structured_failures = self._counter(
            "firstline_structured_failures_total",
            "Generations that could not be proven, by the check that failed.",
            ("task", "version", "schema", "failure"),
        )
        self.schema_vet_seconds = self._histogram(
            "firstline_schema_vet_seconds",
            "Time to vet an output contract that was not known yet, by verdict.",
            ("verdict",),
            _VET_SECONDS,
        )

    def _counter(self, name: str, help_text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def _histogram(
        self, name: str, help_text: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(name, help_text, labels, buckets=buckets, registry=self.registry)
