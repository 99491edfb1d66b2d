import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import pytest

from jointtrack import (
    AsyncJointTrackClient,
    DetectResult,
    JointTrackClient,
    MeasureResult,
    ServerInfo,
    StreamAnswer,
)
from jointtrack.testing import FakeServer

Result = TypeVar("Result")
OnAnswer: TypeAlias = Callable[[StreamAnswer], None]


def _ignore(answer: StreamAnswer) -> None:
    pass


class Shell(Protocol):
    """Either client, called the same way; streams are read to their end."""

    def detect(self, *args: Any, **options: Any) -> DetectResult: ...
    def measure(self, *args: Any, **options: Any) -> MeasureResult: ...
    def server_info(self, **options: Any) -> ServerInfo: ...
    def wait_ready(self, timeout_s: float) -> None: ...
    def stream(
        self, *args: Any, on_answer: OnAnswer = ..., **options: Any
    ) -> list[StreamAnswer]: ...


class SyncShell:
    def __init__(self, target: str, **options: Any) -> None:
        self._open = partial(JointTrackClient, target, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            with self._open() as client:
                return getattr(client, name)(*args, **options)

        return call

    def stream(
        self, *args: Any, on_answer: OnAnswer = _ignore, **options: Any
    ) -> list[StreamAnswer]:
        answers = []
        with self._open() as client:
            for answer in client.stream(*args, **options):
                answers.append(answer)
                on_answer(answer)
        return answers


class AsyncShell:
    def __init__(self, target: str, **options: Any) -> None:
        self._open = partial(AsyncJointTrackClient, target, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **options: Any) -> Any:
            async with self._open() as client:
                return await getattr(client, name)(*args, **options)

        return lambda *args, **options: _run(call(*args, **options))

    def stream(
        self, *args: Any, on_answer: OnAnswer = _ignore, **options: Any
    ) -> list[StreamAnswer]:
        async def call() -> list[StreamAnswer]:
            answers = []
            async with self._open() as client:
                async for answer in client.stream(*args, **options):
                    answers.append(answer)
                    on_answer(answer)
            return answers

        return _run(call())


def _run(call: Awaitable[Result]) -> Result:
    async def main() -> Result:
        return await call

    return asyncio.run(main())


ShellFactory = Callable[..., Shell]


@pytest.fixture(params=[SyncShell, AsyncShell], ids=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> ShellFactory:
    """Opens either client on a target."""
    factory: ShellFactory = request.param
    return factory


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def shell(server: FakeServer, connect: ShellFactory) -> Shell:
    return connect(server.target, timeout_s=30.0)
