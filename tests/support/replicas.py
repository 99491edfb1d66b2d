"""The processes of replicas on clusters that this process has started."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from jointtrack_server.distributed.options import APPLICATION

LIGHTNING, THUNDER, MULTIPOSE = "movenet-lightning", "movenet-thunder", "movenet-multipose"


def replicas(model: str) -> list[psutil.Process]:
    title = f"ray::ServeReplica:{APPLICATION}:{model}"
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "".join(one.cmdline()).startswith(title):
                found.append(one)
    return found


@contextmanager
def frozen(model: str, most: int | None = None) -> Iterator[None]:
    """Its replicas, or at most so many of them, are there and answer nothing."""
    processes = replicas(model)[:most]
    assert processes
    for one in processes:
        one.suspend()
    try:
        yield
    finally:
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                one.resume()
