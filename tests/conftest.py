"""Fixtures for every test that needs the real server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from jointtrack_server.pipeline.stages import TRACE
from tests.support.ray_cluster import servers_on_ray
from tests.support.servers import RunningServer, run_server

_session = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        choices=("local", "ray"),
        default="local",
        help="where servers under test run their models; ray is a cluster of this session's own",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.getoption("backend") == "ray":
        _session.enter_context(servers_on_ray())


def pytest_sessionfinish() -> None:
    _session.close()


class ByServer(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Of tests in several processes, those that share a server or a cluster stay in one: those of
    a module, or of a package.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = self.config.rootpath / nodeid.partition("::")[0]
        is_package = module.with_name("__init__.py").exists()
        return str(module.parent if is_package else module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    return ByServer(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("local_backend")
    if marker is not None and item.config.getoption("backend") == "ray":
        pytest.skip(*marker.args)


@pytest.fixture(autouse=True)
def untraced() -> Iterator[None]:
    """A request that a test observes ends with the test: its context is that of all tests."""
    token = TRACE.set(None)
    yield
    TRACE.reset(token)


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
