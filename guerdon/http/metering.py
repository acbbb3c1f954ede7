"""Counts and times the calls of each route, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Meter:
    """A process's own figures. Children are kept by route, as looking one up costs more than
    counting."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "guerdon_http_requests",
            "Requests answered",
            ("dialect", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "guerdon_http_request_seconds",
            "Time from a request's head to its answer",
            ("dialect", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[tuple[str, str], Histogram] = {}

    def count(self, dialect: str, route: str, status: int, seconds: float) -> None:
        """Count one answered call."""
        named = (dialect, route, status)
        counter = self._counters.get(named)
        if counter is None:
            counter = self._counters[named] = self._calls.labels(dialect, route, str(status))
        counter.inc()
        timer = self._timers.get((dialect, route))
        if timer is None:
            timer = self._timers[dialect, route] = self._seconds.labels(dialect, route)
        timer.observe(seconds)
