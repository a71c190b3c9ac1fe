"""The state of engines as metrics, read when Prometheus asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ObservedEngine(Protocol):
    """An engine of a pool."""

    name: str
    is_healthy: bool
    in_flight: int
    ready_adapters: frozenset[str]


class EngineCollector(Collector):
    """Exports health, load and adapters of each engine."""

    def __init__(self, engines: Iterable[ObservedEngine]) -> None:
        self._engines = tuple(engines)

    def collect(self) -> Iterator[Metric]:
        """Read every engine now."""
        up = GaugeMetricFamily("firstline_engine_up", "1 where the engine is healthy.", labels=["engine"])
        busy = GaugeMetricFamily(
            "firstline_engine_requests_in_flight", "Requests that are on the engine now.", labels=["engine"]
        )
        adapters = GaugeMetricFamily(
            "firstline_engine_adapters_ready", "Adapters proven on the engine.", labels=["engine"]
        )
        for engine in self._engines:
            up.add_metric([engine.name], float(engine.is_healthy))
            busy.add_metric([engine.name], engine.in_flight)
            adapters.add_metric([engine.name], len(engine.ready_adapters))
        yield from (up, busy, adapters)
