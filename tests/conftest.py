"""Fixtures for every test that needs the real server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import RunningServer, run_server


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
