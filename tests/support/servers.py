"""The real server on free ports, in a thread of this process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jointtrack_server.app import Application, build
from jointtrack_server.event_loop import new_event_loop
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class RunningServer:
    """A server in a thread of this process."""

    app: Application
    loop: asyncio.AbstractEventLoop

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.app.grpc_door.port}"

    @property
    def url(self) -> str:
        scheme = "http" if self.app.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.app.http_door.port}"

    @property
    def api_key(self) -> str:
        key = self.app.first_key
        assert key is not None
        return key

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("x-api-key", self.api_key),)

    def stop(self, timeout_s: float = 30.0) -> None:
        asyncio.run_coroutine_threadsafe(self.app.stop(), self.loop).result(timeout_s)


@contextmanager
def run_server(data_dir: Path, **options: Any) -> Iterator[RunningServer]:
    loop = new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server under test")
    thread.start()
    try:
        settings = Settings(grpc_port=0, http_port=0, data_dir=data_dir, **options)
        loading = asyncio.to_thread(load_models, settings)
        models = asyncio.run_coroutine_threadsafe(loading, loop).result(120)
        app = asyncio.run_coroutine_threadsafe(build(settings, models), loop).result(60)
        asyncio.run_coroutine_threadsafe(app.start(), loop).result(30)
        running = RunningServer(app, loop)
        yield running
        if app.state.serving:
            running.stop()
    finally:
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
