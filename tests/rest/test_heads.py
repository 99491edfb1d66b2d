"""Heads of requests that are too large or never end, and bytes that are no requests."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from tests.support.http import DOCUMENTED_PATH, Door, read_response, read_to_the_end, refused
from tests.support.servers import run_server
from tests.support.waiting import WAIT_S

MAX_HEAD_BYTES = 4096
LONG_S = 300.0
"""Nothing here ends because its time is up."""
GET = b"GET /healthz HTTP/1.1\r\nHost: test\r\n"


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    options = {"http_timeout_s": LONG_S, "max_head_bytes": MAX_HEAD_BYTES, "auth": False}
    with run_server(tmp_path_factory.mktemp("data"), **options) as server:
        yield Door(server)


@pytest.fixture(autouse=True)
def _unharmed(tight: Door, photo: bytes, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The next good request is answered, and nothing was an error of the server's."""
    yield
    answer = requests.post(
        tight.server.url + DOCUMENTED_PATH,
        files={"image": photo},
        data={"measurement": "shoulder_abduction"},
        timeout=WAIT_S,
    )
    assert answer.status_code == 200, answer.text
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def head_of(size_bytes: int) -> bytes:
    """As the server counts: the path, and each header with its colon, space and line end."""
    counted = len("/healthz") + len("Host: test\r\n") + len("X-Fill: \r\n")
    return GET + b"X-Fill: " + b"x" * (size_bytes - counted) + b"\r\n\r\n"


def flood(connection: socket.socket, chunk: bytes) -> int:
    """Sends until the server has had enough; how many bytes that took."""
    sent, end_s = 0, time.monotonic() + WAIT_S
    with suppress(ConnectionError):
        while time.monotonic() < end_s:
            connection.sendall(chunk)
            sent += len(chunk)
    assert time.monotonic() < end_s
    return sent


def test_the_largest_head(tight: Door) -> None:
    assert tight.exchange(head_of(MAX_HEAD_BYTES)).status_code == 200
    response = tight.exchange(head_of(MAX_HEAD_BYTES + 1))
    message = refused(response, 431, "head_too_large")
    assert f"has {MAX_HEAD_BYTES + 1} bytes" in message
    assert f"limit is {MAX_HEAD_BYTES}." in message
    assert response.headers["Connection"] == "close"


def test_a_large_head_in_pieces(tight: Door) -> None:
    head = head_of(3 * MAX_HEAD_BYTES)
    with tight.connect() as connection:
        with suppress(ConnectionError):
            for at in range(0, len(head), 500):
                connection.sendall(head[at : at + 500])
                time.sleep(0.005)
        refused(read_response(connection), 431, "head_too_large")


@pytest.mark.parametrize(
    ("start", "chunk"),
    [
        (b"GET /", b"a" * 4096),
        (b"GET / HTTP/1.1\r\nX-Long: ", b"a" * 4096),
        (b"GET / HTTP/1.1\r\n", b"X-Many: a\r\n" * 400),
        (b"GET / HTTP/1.1\r\nX", b"a" * 4096),
    ],
    ids=["path", "value", "headers", "name"],
)
def test_a_head_that_does_not_end(tight: Door, start: bytes, chunk: bytes) -> None:
    with tight.connect() as connection:
        connection.sendall(start)
        flood(connection, chunk)
        answer = read_to_the_end(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


def test_a_large_head_after_a_good_request(tight: Door) -> None:
    with tight.connect() as connection:
        connection.sendall(GET + b"\r\n")
        assert read_response(connection).status_code == 200
        connection.sendall(head_of(2 * MAX_HEAD_BYTES))
        refused(read_response(connection), 431, "head_too_large")


@pytest.mark.parametrize(
    ("start", "chunk"),
    [
        (b"1\r\na\r\n0\r\n", b"X-Many: a\r\n" * 400),
        (b"1\r\na\r\n0\r\nX-Long: ", b"a" * 4096),
        (b"1;x=", b"a" * 4096),
    ],
    ids=["trailers", "trailer", "chunk extension"],
)
def test_a_body_of_nothing_but_framing(tight: Door, start: bytes, chunk: bytes) -> None:
    head = b"POST /detect HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    with tight.connect() as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + start)
        flood(connection, chunk)


def test_bytes_that_are_no_http(tight: Door) -> None:
    for sent in (
        b"\x00\xff\r\n\r\n",
        b"HELLO\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        GET + b":\r\n\r\n",
    ):
        response = tight.exchange(sent)
        assert refused(response, 400, "invalid_request").startswith("This is no HTTP request")


def test_an_upgrade_is_taken_at_no_other_path_than_live(tight: Door) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    assert tight.exchange(GET + upgrade + b"\r\n").json() == {"status": "ok"}


@pytest.mark.parametrize(("sent", "answered"), [(10, range(10, 11)), (1000, range(50))])
def test_requests_at_once(tight: Door, sent: int, answered: range) -> None:
    last = GET + b"Connection: close\r\n\r\n"
    with tight.connect() as connection:
        connection.sendall((GET + b"\r\n") * (sent - 1) + last)
        assert read_to_the_end(connection).count(b"HTTP/1.1 200 ") in answered
