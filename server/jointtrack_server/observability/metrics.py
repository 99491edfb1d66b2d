"""What is counted and timed, in a registry of the application's own.

To find a counter by its labels costs more than to count, so those of the hot path are found once.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from jointtrack_server.observability import catalogue
from jointtrack_server.observability.catalogue import Spec
from jointtrack_server.observability.pictures import PICTURE, FrameCounts, PictureCounts

# A second series for each, of which Prometheus makes nothing.
disable_created_metrics()  # type: ignore[no-untyped-call]

OTHER_KEYS = "other"


class RequestMetrics(NamedTuple):
    """What requests of one kind count in; ``requests`` by their code.

    Streams have no ``seconds``: their lives are timed from when they are let in.
    """

    in_flight: Gauge
    requests: Callable[[str], Counter]
    seconds: Histogram | None


class Metrics:
    """What both doors count in; one for each application."""

    def __init__(self, max_keys: int = 0) -> None:
        """The first ``max_keys`` API keys are counted by their own id, further ones together."""
        self.registry = CollectorRegistry()
        self._requests = self.counter(catalogue.REQUESTS)
        self._seconds = self.histogram(catalogue.REQUEST_DURATION)
        self._in_flight = self.gauge(catalogue.REQUESTS_IN_FLIGHT)
        self.stages = self.histogram(catalogue.STAGE_DURATION)
        self.people = self.histogram(catalogue.PEOPLE)
        self.measurements = self.counter(catalogue.MEASUREMENTS)
        self.frame_codes = self.counter(catalogue.FRAMES)
        self.frame_seconds = self.histogram(catalogue.FRAME_DURATION)
        self.refusals = self.counter(catalogue.REFUSALS)
        self.streams_open = self.gauge(catalogue.STREAMS_OPEN)
        self.stream_seconds = self.histogram(catalogue.STREAM_DURATION)
        self._keys = self.counter(catalogue.KEY_PICTURES)
        self._max_keys = max_keys
        self._by_key: dict[str, Counter] = {}
        self.pictures = PictureCounts(self, PICTURE)
        self.frames = FrameCounts(self)

    @cache  # noqa: B019  # lives as long as the process; doors and methods are few
    def request(self, door: str, method: str, *, is_stream: bool = False) -> RequestMetrics:
        """Those of one kind."""
        return RequestMetrics(
            self._in_flight.labels(door),
            cache(partial(self._requests.labels, door, method)),
            None if is_stream else self._seconds.labels(door, method),
        )

    def key(self, key_id: str) -> Counter:
        """The pictures of one API key."""
        counter = self._by_key.get(key_id)
        if counter is None:
            is_one_more = len(self._by_key) >= self._max_keys
            counter = self._keys.labels(OTHER_KEYS if is_one_more else key_id)
            if not is_one_more:
                self._by_key[key_id] = counter
        return counter

    def counter(self, spec: Spec) -> Counter:
        return Counter(spec.name, spec.meaning, spec.labels, registry=self.registry)

    def gauge(self, spec: Spec) -> Gauge:
        return Gauge(
            spec.name,
            spec.meaning,
            spec.labels,
            registry=self.registry,
            multiprocess_mode=spec.together,
        )

    def histogram(self, spec: Spec) -> Histogram:
        return Histogram(
            spec.name, spec.meaning, spec.labels, registry=self.registry, buckets=spec.buckets
        )
