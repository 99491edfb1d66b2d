"""The life of a client: how it is made, what it says, and that it ends."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from jointtrack import (
    AsyncJointTrackAdmin,
    AsyncJointTrackClient,
    JointTrackAdmin,
    JointTrackClient,
    UnavailableError,
)
from jointtrack.testing import REQUEST_ID, Failure, FakeServer, draining, overloaded

if TYPE_CHECKING:
    from tests.client.conftest import Shell, ShellFactory

CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("detect", (b"jpeg",)),
    ("measure", ({"nose": (1, 2, 0.9)}, (4, 4), "splits")),
    ("server_info", ()),
    ("wait_ready", ()),
]
ADMIN_CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("create_key", ("clinic",)),
    ("list_keys", ()),
    ("revoke_key", ("0a1b2c3d",)),
    ("rotate_key", ("0a1b2c3d",)),
    ("list_plans", ()),
    ("wait_ready", ()),
]


@pytest.mark.parametrize(
    ("client", "calls"), [(JointTrackClient, CALLS), (JointTrackAdmin, ADMIN_CALLS)]
)
def test_a_closed_client_says_so(
    server: FakeServer, client: type, calls: list[tuple[str, tuple[Any, ...]]]
) -> None:
    closed = client(server.target)
    closed.close()
    closed.close()
    for name, arguments in calls:
        with pytest.raises(RuntimeError, match="closed: make a new one"):
            getattr(closed, name)(*arguments)
    if client is JointTrackClient:
        with pytest.raises(RuntimeError, match="closed: make a new one"):
            next(closed.stream([b"jpeg"]))
    assert not server.metadata


@pytest.mark.parametrize(
    ("client", "calls"), [(AsyncJointTrackClient, CALLS), (AsyncJointTrackAdmin, ADMIN_CALLS)]
)
@pytest.mark.parametrize("was_open", [True, False])
async def test_a_closed_asyncio_client_says_so(
    server: FakeServer, client: type, calls: list[tuple[str, tuple[Any, ...]]], was_open: bool
) -> None:
    closed = client(server.target)
    if was_open:
        await closed.wait_ready()
    await closed.close()
    await closed.close()
    for name, arguments in calls:
        with pytest.raises(RuntimeError, match="closed: make a new one"):
            await getattr(closed, name)(*arguments)
    if client is AsyncJointTrackClient:
        with pytest.raises(RuntimeError, match="closed: make a new one"):
            await anext(closed.stream([b"jpeg"]))
    assert not server.metadata


def waiting_frames(until: threading.Event) -> Iterator[bytes]:
    yield b"jpeg"
    until.wait(10.0)


def test_closing_ends_calls_of_other_threads(server: FakeServer) -> None:
    server.detect.delay_s = 10.0
    done = threading.Event()
    for call in (
        lambda client: client.detect(b"jpeg"),
        lambda client: list(client.stream(waiting_frames(done), resume_timeout_s=60)),
    ):
        client = JointTrackClient(server.target)
        closing = threading.Timer(0.3, client.close)
        closing.start()
        with pytest.raises(UnavailableError, match="The client was closed"):
            call(client)
        closing.join()
    done.set()


async def test_closing_ends_calls_of_other_tasks_without_cancelling_them(
    server: FakeServer,
) -> None:
    server.detect.delay_s = 10.0
    done = threading.Event()

    async def detect(client: AsyncJointTrackClient) -> None:
        await client.detect(b"jpeg")

    async def stream(client: AsyncJointTrackClient) -> None:
        async for _ in client.stream(waiting_frames(done), resume_timeout_s=60):
            pass

    for call in (detect, stream):
        async with AsyncJointTrackClient(server.target) as client:
            running = asyncio.create_task(call(client))
            await asyncio.sleep(0.3)
        with pytest.raises(UnavailableError, match="The client was closed"):
            await running
    done.set()


async def test_cancelling_a_task_stays_a_cancellation(server: FakeServer) -> None:
    server.detect.delay_s = 10.0
    async with AsyncJointTrackClient(server.target) as client:
        running = asyncio.create_task(client.detect(b"jpeg"))
        await asyncio.sleep(0.3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


def test_an_asyncio_client_belongs_to_one_loop(server: FakeServer) -> None:
    client = AsyncJointTrackClient(server.target)

    async def detect() -> int:
        return len((await client.detect(b"jpeg")).people)

    assert asyncio.run(detect()) == 1
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(detect())


@pytest.mark.parametrize(
    "client", [JointTrackClient, JointTrackAdmin, AsyncJointTrackClient, AsyncJointTrackAdmin]
)
def test_the_environment_names_server_and_key(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOINTTRACK_TARGET", "127.0.0.1:9")
    monkeypatch.setenv("JOINTTRACK_API_KEY", "jt_key")
    connection = client.from_env(timeout_s=2.0)._connection
    assert (connection.target, connection.timeout_s) == ("127.0.0.1:9", 2.0)
    assert connection.metadata == (("x-api-key", "jt_key"),)
    other = client.from_env(target="127.0.0.1:8", api_key=None)._connection
    assert (other.target, other.metadata) == ("127.0.0.1:8", ())
    monkeypatch.setenv("JOINTTRACK_TARGET", "")
    monkeypatch.delenv("JOINTTRACK_API_KEY")
    bare = client.from_env()._connection
    assert (bare.target, bare.metadata) == ("localhost:50051", ())


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_the_number_of_retries_is_the_callers(
    server: FakeServer, connect: "ShellFactory", retries: int
) -> None:
    server.detect.default = overloaded(retry_after_s=0.001)
    shell = connect(server.target, retries=retries)
    with pytest.raises(UnavailableError) as caught:
        shell.detect(b"jpeg")
    assert caught.value.reason == "OVERLOADED"
    assert len(server.detect.requests) == 1 + retries


def test_results_and_errors_have_the_request_id(server: FakeServer, shell: "Shell") -> None:
    result = shell.detect(b"jpeg")
    assert result.request_id == REQUEST_ID
    assert result.to_dict()["request_id"] == REQUEST_ID
    measured = shell.measure({"nose": (1, 2, 0.9)}, (4, 4), "splits")
    assert measured.request_id == REQUEST_ID


def test_calls_are_logged_with_their_request_id(
    server: FakeServer, shell: "Shell", caplog: pytest.LogCaptureFixture
) -> None:
    server.detect.enqueue(Failure("INVALID_ARGUMENT", "INVALID_IMAGE", "Send a JPEG."))
    with caplog.at_level(logging.DEBUG, logger="jointtrack"):
        with pytest.raises(Exception, match="Send a JPEG"):
            shell.detect(b"a secret picture")
        shell.server_info()
    lines = [record.getMessage() for record in caplog.records if record.name == "jointtrack"]
    refused, answered = lines
    assert refused.startswith("DetectRequest: INVALID_IMAGE in ")
    assert answered.startswith("GetServerInfoRequest: OK in ")
    assert refused.endswith(f" ms, request {REQUEST_ID}")
    assert answered.endswith(f" ms, request {REQUEST_ID}")


def test_an_interrupted_stream_is_a_warning(
    server: FakeServer, shell: "Shell", caplog: pytest.LogCaptureFixture
) -> None:
    server.frame.enqueue(draining())
    with caplog.at_level(logging.WARNING, logger="jointtrack"):
        answers = shell.stream([b"jpeg"], resume_timeout_s=10.0)
    assert [answer.kind for answer in answers] == ["resumed", "detection"]
    (line,) = [record.getMessage() for record in caplog.records if record.name == "jointtrack"]
    assert line.startswith("A stream was interrupted: The server is stopping. Connect again.")


def test_a_program_without_logging_is_left_in_peace() -> None:
    code = "import jointtrack.client, logging; logging.getLogger('jointtrack').error('heard')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
