"""Counts and times the calls of each route, for Prometheus."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_BOUNDS = (*map(str, _BUCKETS), "+Inf")


class _Tally:
    """The calls of one route with one status: how many of each duration, and their sum."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        self.seconds = 0.0


class Meter(Collector):
    """A process's own figures. The event loop alone counts, so nothing is locked; Prometheus's own
    counters cost every call several times as much."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._tallies: dict[tuple[str, str, int], _Tally] = {}

    def count(self, dialect: str, route: str, status: int, seconds: float) -> None:
        """Count one answered call."""
        named = (dialect, route, status)
        tally = self._tallies.get(named)
        if tally is None:
            tally = self._tallies[named] = _Tally()
        tally.buckets[bisect_left(_BUCKETS, seconds)] += 1
        tally.seconds += seconds

    def collect(self) -> Iterable[Metric]:
        """Give the figures in Prometheus's form."""
        calls = CounterMetricFamily(
            "guerdon_http_requests",
            "Requests answered",
            labels=("dialect", "route", "status"),
        )
        times = HistogramMetricFamily(
            "guerdon_http_request_seconds",
            "Time from a request's head to its answer",
            labels=("dialect", "route", "status"),
        )
        for (dialect, route, status), tally in self._tallies.items():
            labels = (dialect, route, str(status))
            calls.add_metric(labels, sum(tally.buckets))
            times.add_metric(labels, [*_cumulated(tally.buckets)], tally.seconds)
        return (calls, times)


def _cumulated(buckets: list[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, count in zip(_BOUNDS, buckets, strict=True):
        total += count
        yield bound, total
