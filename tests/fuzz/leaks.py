"""What a server may not keep of callers that have gone."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from tests.support.servers import RunningServer
from tests.support.streams import await_idle

SETTLE_S = 20.0
_SPARE_DESCRIPTORS = 4
"""What gRPC opens once, at a time of its own."""


@dataclass(frozen=True, slots=True)
class Held:
    """Of the server and of this process, which it runs in."""

    threads: tuple[str, ...]
    descriptors: int
    requests_in_flight: tuple[str, ...]

    @classmethod
    def now(cls, server: RunningServer) -> "Held":
        metrics = requests.get(f"{server.url}/metrics", timeout=30).text
        in_flight = (
            line for line in metrics.splitlines() if line.startswith("jointtrack_requests_in_fl")
        )
        threads = sorted(one.name for one in threading.enumerate() if not _is_pooled(one))
        return cls(tuple(threads), len(os.listdir("/proc/self/fd")), tuple(in_flight))

    def is_within(self, before: "Held") -> bool:
        return (
            len(self.threads) <= len(before.threads)
            and self.descriptors <= before.descriptors + _SPARE_DESCRIPTORS
            and set(self.requests_in_flight) <= {*before.requests_in_flight, *_NOTHING_IN_FLIGHT}
        )


def _is_pooled(thread: threading.Thread) -> bool:
    """Of asyncio's own pool, which has few threads and keeps them."""
    return thread.name.startswith("asyncio_")


_NOTHING_IN_FLIGHT = {
    f'jointtrack_requests_in_flight{{door="{door}"}} 0.0' for door in ("grpc", "http")
}


@contextmanager
def nothing_kept(server: RunningServer) -> Iterator[None]:
    """Afterwards the server has no work, requests, threads or descriptors more than before."""
    before = Held.now(server)
    yield
    await_idle(server)
    deadline_s = time.monotonic() + SETTLE_S
    while not (held := Held.now(server)).is_within(before) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert held.is_within(before), f"{held}, before {before}"
