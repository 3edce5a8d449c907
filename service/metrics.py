"""What is counted, in the text format of Prometheus.

Counting is plain integers on the event loop and takes a fraction of a microsecond; the library comes in when somebody
asks.  Every worker process counts for itself.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from engine.engine import Engine
from service.gate import Gate
from service.jobs.feed import Feed
from service.jobs.runner import Runner

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OWN = " Of this worker process alone."


@dataclass(slots=True)
class Tally:
    """Requests of one route and status: how many, their seconds, and how many in each interval between `BOUNDS`."""

    count: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


class Metrics(Collector):
    """The counters of one process."""

    def __init__(self, engine: Engine, gate: Gate, runner: Runner, feed: Feed) -> None:
        self.engine, self.gate, self.runner, self.feed = engine, gate, runner, feed
        self.in_flight = 0
        self.requests: dict[tuple[str, int], Tally] = {}
        self.phases: dict[str, float] = {}
        self._since = time.time()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        tally = self.requests.get((route, status))
        if tally is None:
            tally = self.requests[route, status] = Tally()
        tally.count += 1
        tally.seconds += seconds
        tally.buckets[bisect_left(BOUNDS, seconds)] += 1

    def engine_seconds(self, seconds: Mapping[str, float]) -> None:
        """Count the time that the engine spent on one question, by phase."""
        phases = self.phases
        for phase, spent in seconds.items():
            phases[phase] = phases.get(phase, 0.0) + spent

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metric families, for the registry."""
        yield from self._http()
        yield GaugeMetricFamily("adjoint_in_flight", "Requests that are being answered." + _OWN, self.in_flight)
        yield GaugeMetricFamily("adjoint_heavy_running", "Heavy questions in a thread." + _OWN, self.gate.running)
        yield GaugeMetricFamily("adjoint_heavy_waiting", "Heavy questions in the queue." + _OWN, self.gate.waiting)
        yield CounterMetricFamily("adjoint_heavy_refused", "Heavy questions refused." + _OWN, self.gate.refused)
        yield GaugeMetricFamily("adjoint_jobs_running", "Jobs that run." + _OWN, self.runner.running)
        yield CounterMetricFamily("adjoint_jobs_lost", "Processes lost with a job." + _OWN, self.runner.lost)
        yield GaugeMetricFamily("adjoint_job_watchers", "Clients that watch a job." + _OWN, self.feed.watchers)
        cache = self.engine.cache_info()
        yield GaugeMetricFamily("adjoint_cache_entries", "Compiled questions that are kept." + _OWN, cache["entries"])
        yield CounterMetricFamily("adjoint_cache_hits", "Questions found compiled." + _OWN, cache["hits"])
        yield CounterMetricFamily("adjoint_cache_misses", "Questions not found compiled." + _OWN, cache["misses"])
        spent = CounterMetricFamily("adjoint_engine_seconds", "Time in the engine by phase." + _OWN, labels=["phase"])
        for phase, seconds in list(self.phases.items()):
            spent.add_metric([phase], seconds)
        yield spent

    def _http(self) -> Iterator[Metric]:
        counts = CounterMetricFamily(
            "adjoint_requests", "Answers by route and status." + _OWN, labels=["route", "status"]
        )
        times = HistogramMetricFamily("adjoint_request_seconds", "Time to answer, by route." + _OWN, labels=["route"])
        routes: dict[str, Tally] = {}
        for (route, status), tally in list(self.requests.items()):
            counts.add_metric([route, str(status)], tally.count)
            whole = routes.setdefault(route, Tally())
            whole.seconds += tally.seconds
            whole.buckets = [one + other for one, other in zip(whole.buckets, tally.buckets, strict=True)]
        for route, tally in routes.items():
            times.add_metric([route], _cumulated(tally.buckets), tally.seconds)
        yield counts
        yield times


def _cumulated(buckets: list[int]) -> list[tuple[str, float]]:
    total, pairs = 0, []
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], buckets, strict=True):
        total += count
        pairs.append((bound, float(total)))
    return pairs
