"""Stores of both kinds, and gates on them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from jointtrack_server.access.clock import Clock
from jointtrack_server.access.key_gate import KeyGate
from jointtrack_server.access.keys import KeyStore
from tests.support import stores
from tests.support.postgres import Cluster, running_postgres
from tests.support.stores import Store


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    running = {thread.ident for thread in threading.enumerate() if thread.ident is not None}
    monkeypatch.setattr(stores, "ELSEWHERE", running)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with running_postgres() as cluster:
        yield cluster


@pytest.fixture
def file_store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data", None)


@pytest.fixture
def postgres_store(postgres: Cluster, tmp_path: Path) -> Iterator[Store]:
    with postgres.empty_database() as url:
        yield Store(tmp_path / "data", url, postgres)


@pytest.fixture(params=["file_store", "postgres_store"], ids=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    store: Store = request.getfixturevalue(request.param)
    return store


@pytest.fixture
def keys(store: Store) -> Iterator[KeyStore]:
    with closing(store.open()) as database:
        yield KeyStore(database)


OpenGate = Callable[..., KeyGate]


@pytest.fixture
def open_gate() -> Iterator[OpenGate]:
    """Gates as several servers have them: each with connections of its own."""
    with ExitStack() as stack:

        def start(store: Store, clock: Clock | None = None, max_streams: int = 8) -> KeyGate:
            gate = KeyGate(store.open(), max_streams, clock)
            stack.callback(gate.close)
            gate.start()
            return gate

        yield start


@pytest.fixture
def gate(store: Store, open_gate: OpenGate) -> KeyGate:
    return open_gate(store)
