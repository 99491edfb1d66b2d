"""The same work through the server: a real process, called over gRPC by many callers."""

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jointtrack import AsyncJointTrackClient

Call = Callable[[AsyncJointTrackClient], Awaitable[object]]


@contextmanager
def server() -> Iterator[str]:
    """A server of its own on free ports; yields its gRPC address."""
    command = [str(Path(sys.executable).parent / "jointtrack"), "serve", "--no-auth"]
    command += ["--grpc-port", "0", "--http-port", "0"]
    with tempfile.TemporaryDirectory() as data_dir:
        process = subprocess.Popen(
            [*command, "--data-dir", data_dir], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            found = re.search(r"gRPC on (\S+)", process.stdout.readline())
            if found is None:
                raise RuntimeError("the server did not start")
            yield found[1]
        finally:
            process.terminate()
            process.wait(30)


async def calls_per_second(target: str, call: Call, callers: int, seconds: float) -> float:
    """``callers`` callers that each send the next call when the last one is answered."""
    async with AsyncJointTrackClient(target) as client:
        await client.wait_ready()
        await call(client)
        end = time.perf_counter() + seconds

        async def loop() -> int:
            count = 0
            while time.perf_counter() < end:
                await call(client)
                count += 1
            return count

        began = time.perf_counter()
        done = sum(await asyncio.gather(*(loop() for _ in range(callers))))
        return done / (time.perf_counter() - began)
