"""Prometheus metrics, one registry per application."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10)


@dataclass(slots=True)
class Observed:
    """A request under way; ``code`` is "OK" or the reason of its error."""

    code: str = "OK"


class Metrics:
    """Counts and times requests of both doors."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "jointtrack_requests",
            "Requests answered, by door, method and code.",
            ("door", "method", "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "jointtrack_request_seconds",
            "Seconds from a request's arrival to its answer; of streams, their whole life.",
            ("door", "method"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "jointtrack_requests_in_flight",
            "Requests under way, by door.",
            ("door",),
            registry=self.registry,
        )

    @contextmanager
    def request(self, door: str, method: str) -> Iterator[Observed]:
        """Counts one request in and out."""
        observed = Observed()
        started_s = time.perf_counter()
        self._in_flight.labels(door).inc()
        try:
            yield observed
        finally:
            self._in_flight.labels(door).dec()
            self._requests.labels(door, method, observed.code).inc()
            self._seconds.labels(door, method).observe(time.perf_counter() - started_s)

    def exposition(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
