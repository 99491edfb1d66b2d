"""Callers who send slowly or nothing, and who do not take their answers."""

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import requests

from tests.support.http import DOCUMENTED_PATH, Door, read_response, read_to_the_end
from tests.support.servers import run_server
from tests.support.waiting import WAIT_S

GET = b"GET /healthz HTTP/1.1\r\nHost: test\r\n"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server with little patience."""
    with run_server(tmp_path_factory.mktemp("data"), http_timeout_s=1.0, auth=False) as server:
        yield Door(server)


@pytest.fixture(autouse=True)
def _unharmed(hasty: Door, photo: bytes, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The next good request is answered, and nothing was an error of the server's."""
    yield
    answer = requests.post(
        hasty.server.url + DOCUMENTED_PATH,
        files={"image": photo},
        data={"measurement": "shoulder_abduction"},
        timeout=WAIT_S,
    )
    assert answer.status_code == 200, answer.text
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_heads_that_drip(hasty: Door) -> None:
    """Slowloris: many connections that send a byte now and then."""
    with ExitStack() as stack:
        slow: list[socket.socket] = []
        stopping = threading.Event()

        def drip() -> None:
            while not stopping.wait(0.1):
                for connection in slow:
                    with suppress(OSError):
                        connection.sendall(b"x")

        for number in range(50):
            slow.append(connection := stack.enter_context(hasty.connect()))
            if number % 2:  # others begin well
                connection.sendall(GET + b"\r\n")
                assert read_response(connection).status_code == 200
            connection.sendall(GET + b"X-Slow: ")
        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert hasty.get("/healthz").status_code == 200
            for connection in slow:
                answer = read_to_the_end(connection)
                assert answer.startswith(b"HTTP/1.1 408 ")
                error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
                assert error["code"] == "request_timeout"
                assert "within 1 s" in error["message"]
        finally:
            stopping.set()
            dripping.join()


@pytest.mark.parametrize("sent", [b"", GET + b"\r\n"], ids=["nothing sent", "kept alive"])
def test_a_connection_without_a_request_is_closed(hasty: Door, sent: bytes) -> None:
    with hasty.connect() as connection:
        if sent:
            connection.sendall(sent)
            assert read_response(connection).status_code == 200
        assert connection.recv(1) == b""


def test_an_answer_that_nobody_takes(hasty: Door) -> None:
    """Requests for a large file, and not one answer read."""
    (path,) = set(re.findall(r"/[^\"]+bundle\.js", hasty.get("/docs").text))
    request = f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(WAIT_S)
    connection.connect(("127.0.0.1", hasty.server.app.http_door.port))
    with connection, pytest.raises(ConnectionError):
        end_s = time.monotonic() + WAIT_S
        while time.monotonic() < end_s:
            connection.sendall(request)
            time.sleep(0.1)
