"""The real server on free ports, with the bundled models, for every test that needs one."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class RunningServer:
    """A server in a thread of this process."""

    app: Any
    loop: asyncio.AbstractEventLoop

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.app.grpc_door.port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.app.http_door.port}"

    @property
    def api_key(self) -> str:
        key = self.app.first_key
        assert isinstance(key, str)
        return key

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("x-api-key", self.api_key),)

    def stop(self, timeout_s: float = 30.0) -> None:
        asyncio.run_coroutine_threadsafe(self.app.stop(), self.loop).result(timeout_s)


@contextmanager
def run_server(data_dir: Path, **options: Any) -> Iterator[RunningServer]:
    from jointtrack_server.app import build
    from jointtrack_server.settings import Settings

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server under test")
    thread.start()
    try:
        settings = Settings(grpc_port=0, http_port=0, data_dir=data_dir, **options)
        app = asyncio.run_coroutine_threadsafe(build(settings), loop).result(60)
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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that leave it as it is."""
    with run_server(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Starts servers of the test's own, with any settings."""
    with ExitStack() as stack:

        def start(**options: Any) -> RunningServer:
            return stack.enter_context(run_server(tmp_path, **options))

        yield start
