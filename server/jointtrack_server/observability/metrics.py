"""Prometheus metrics, one registry per application."""

import time
from collections.abc import Callable
from functools import cache, partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Observed:
    """A request under way, counted in and out; ``code`` is "OK" or the reason of its error."""

    __slots__ = ("_in_flight", "_requests", "_seconds", "_started_s", "code")

    def __init__(
        self, in_flight: Gauge, requests: Callable[[str], Counter], seconds: Histogram
    ) -> None:
        self._in_flight, self._requests, self._seconds = in_flight, requests, seconds
        self.code = "OK"

    def __enter__(self) -> "Observed":
        self._in_flight.inc()
        self._started_s = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._seconds.observe(time.perf_counter() - self._started_s)
        self._in_flight.dec()
        self._requests(self.code).inc()


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

    def request(self, door: str, method: str) -> Observed:
        """Counts one request in and out: ``with metrics.request(...) as observed``."""
        return Observed(*self._of(door, method))

    @cache  # noqa: B019  # lives as long as the process; doors and methods are few
    def _of(self, door: str, method: str) -> tuple[Gauge, Callable[[str], Counter], Histogram]:
        """What a request of this kind counts in; finding it by labels costs more than counting."""
        return (
            self._in_flight.labels(door),
            cache(partial(self._requests.labels, door, method)),
            self._seconds.labels(door, method),
        )

    def exposition(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
