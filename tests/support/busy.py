"""Workers that are kept busy."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.servers import RunningServer
from tests.support.waiting import eventually

_BLOCKED_S = 30.0


@contextmanager
def busy(server: RunningServer, workers: int) -> Iterator[None]:
    """Keeps every worker of the server at work."""
    runner, loop = server.app.runner, server.loop
    begun, end = threading.Barrier(workers + 1), threading.Event()

    def work() -> None:
        begun.wait(_BLOCKED_S)
        end.wait(_BLOCKED_S)

    def occupy() -> None:
        for _ in range(workers):
            jobs.append(loop.create_task(runner.run(work)))

    jobs: list[asyncio.Task[object]] = []
    loop.call_soon_threadsafe(occupy)
    begun.wait(_BLOCKED_S)
    try:
        yield
    finally:
        end.set()
        eventually(lambda: all(job.done() for job in jobs))
