"""The server inside this process, for ``--local``."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jointtrack.client import JointTrackClient
from jointtrack_server.app import Application, build
from jointtrack_server.cli.shared import settings_from
from jointtrack_server.event_loop import new_event_loop
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
LOOPBACK = "127.0.0.1"


@contextmanager
def local_client(timeout_s: float) -> Iterator[JointTrackClient]:
    """A client of a server of our own: loopback, free ports, no API key, gone on leaving.

    Raises StartupError. JOINTTRACK_* variables choose the engine, as for ``jointtrack serve``.
    """
    settings = settings_from(
        {"host": LOOPBACK, "grpc_port": 0, "http_port": 0, "auth": False, "log_requests": "none"}
    )
    with _event_loop() as loop:
        app = asyncio.run_coroutine_threadsafe(_start(settings), loop).result(START_TIMEOUT_S)
        try:
            target = f"{LOOPBACK}:{app.grpc_door.port}"
            with JointTrackClient(target, tls=False, timeout_s=timeout_s) as client:
                yield client
        finally:
            asyncio.run_coroutine_threadsafe(app.stop(), loop).result(STOP_TIMEOUT_S)


async def _start(settings: Settings) -> Application:
    app = await build(settings, await asyncio.to_thread(load_models, settings))
    await app.start()
    return app


@contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One that runs in a thread of its own."""
    loop = new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="jointtrack server", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result(STOP_TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_TIMEOUT_S)
        loop.close()
