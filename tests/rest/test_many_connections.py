"""More connections than the server has room for, and a server that stops under its callers."""

import gc
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from jointtrack_server.rest_api import server as http_server
from jointtrack_server.rest_api.protocol import HttpConnection
from tests.support.busy import busy
from tests.support.certificates import Authority, Secret
from tests.support.http import Door, read_response, refused
from tests.support.servers import RunningServer
from tests.support.tls import DETECT_PATH, Caller
from tests.support.waiting import WAIT_S, eventually

GET = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"
ROOM = 20

Start = Callable[..., RunningServer]


def fill(server: RunningServer, stack: ExitStack) -> list[socket.socket]:
    """As many connections as there is room for."""
    door = Door(server)
    connections = [stack.enter_context(door.connect()) for _ in range(ROOM)]
    eventually(lambda: len(server.app.http_door._connections) == ROOM)
    return connections


def test_too_many_connections(start_server: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = start_server(auth=False, max_connections=ROOM, preload="none")
    door = Door(server)
    with ExitStack() as stack:
        connections = fill(server, stack)
        for _ in range(50):
            with door.connect() as another:
                response = read_response(another)
                message = refused(response, 503, "overloaded")
                assert f"{ROOM} connections" in message
                assert response.headers["Retry-After"] == "5"
        for connection in connections:
            connection.sendall(GET)
            assert read_response(connection).status_code == 200
        connections[0].close()
        eventually(lambda: len(server.app.http_door._connections) < ROOM)
        assert door.get("/healthz").status_code == 200
    told = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert told == [f"HTTP has {ROOM} connections open and takes no more"]


def test_connections_that_never_shake_hands(start_server: Start, tmp_path: Path) -> None:
    """They take room too, and lose it after a while."""
    authority, secret = Authority(), Secret(tmp_path / "secret")
    secret.write(authority.server())
    options = {"max_connections": ROOM, "http_timeout_s": 1.0, "preload": "none", "auth": False}
    server = start_server(**options, **secret.settings)
    with ExitStack() as stack:
        silent = fill(server, stack)
        assert silent[0].send(b"\x16") == 1
        with Door(server).connect() as another:
            assert another.recv(1) == b""
        for connection in silent:
            with suppress(ConnectionError):
                assert connection.recv(1) == b""
        with Caller(server, authority).http() as http:
            assert http.get("/healthz").status_code == 200


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_connections_that_are_reset_leave_nothing_behind(
    scheme: str, start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "_TICK_S", 0.001)  # each is looked at while it is open
    authority, secret = Authority(), Secret(tmp_path / "secret")
    secret.write(authority.server())
    files = secret.settings if scheme == "https" else {}
    server = start_server(auth=False, http_timeout_s=300.0, preload="none", **files)
    limits = server.app.http_door._limits

    def left() -> int:
        gc.collect()
        found = (one for one in gc.get_objects() if type(one) is HttpConnection)
        return sum(one._limits is limits for one in found)

    for _ in range(30):
        with ExitStack() as stack:
            connection = stack.enter_context(Door(server).connect())
            if scheme == "https":
                context = authority.context()
                connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
                stack.enter_context(connection)
            connection.sendall(GET)
            assert read_response(connection).status_code == 200
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    eventually(lambda: left() == 0)


class Request(threading.Thread):
    """A picture on its way to the server."""

    def __init__(self, http: httpx.Client, photo: bytes) -> None:
        super().__init__()
        self._http = http
        self._photo = photo
        self.answer: httpx.Response | None = None

    def run(self) -> None:
        form = {"measurement": "shoulder_abduction"}
        self.answer = self._http.post(DETECT_PATH, files={"image": self._photo}, data=form)


@pytest.fixture(params=["http", "https"])
def caller(request: pytest.FixtureRequest, start_server: Start, tmp_path: Path) -> Caller:
    authority, secret = Authority(), Secret(tmp_path / "secret")
    secret.write(authority.server())
    files = secret.settings if request.param == "https" else {}
    return Caller(start_server(auth=False, workers=1, drain_grace_s=60.0, **files), authority)


def stopping(server: RunningServer) -> threading.Thread:
    thread = threading.Thread(target=server.stop)
    thread.start()
    eventually(lambda: not server.app.state.serving)
    return thread


def takes_no_connection(server: RunningServer) -> bool:
    try:
        Door(server).connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_request_under_way_is_answered_while_the_server_stops(
    caller: Caller, photo: bytes
) -> None:
    with caller.http() as http:
        assert http.get("/healthz").status_code == 200
        request = Request(http, photo)
        with busy(caller.server, workers=1):
            request.start()
            eventually(lambda: caller.server.app.runner.in_flight == 2)
            stop = stopping(caller.server)
            eventually(lambda: takes_no_connection(caller.server))
            time.sleep(1.5)
            assert stop.is_alive()
        request.join(WAIT_S)
        stop.join(WAIT_S)
        assert not stop.is_alive()
        assert request.answer is not None
        assert request.answer.status_code == 200


def test_a_request_that_takes_too_long_is_told_so(start_server: Start, photo: bytes) -> None:
    server = start_server(auth=False, workers=1, drain_grace_s=1.0)
    with Caller(server).http() as http:
        request = Request(http, photo)
        with busy(server, workers=1):
            request.start()
            eventually(lambda: server.app.runner.in_flight == 2)
            started_s = time.monotonic()
            stop = stopping(server)
            request.join(WAIT_S)
            assert time.monotonic() - started_s > 0.9
        stop.join(WAIT_S)
        assert request.answer is not None
        assert request.answer.status_code == 503
        error = request.answer.json()["error"]
        assert error["code"] == "draining"
        assert error["requestId"] == request.answer.headers["X-Request-Id"]
        assert request.answer.headers["Retry-After"] == "1"


def test_connections_without_a_request_hold_nothing_up(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    with caller.http() as kept, Door(caller.server).connect(), ExitStack() as stack:
        assert kept.get("/healthz").status_code == 200
        half = stack.enter_context(Door(caller.server).connect())
        half.sendall(GET[:20] if caller.server.app.tls is None else b"\x16\x03\x01")
        eventually(lambda: len(caller.server.app.http_door._connections) == 3)
        caller.server.stop(WAIT_S)  # which is less than the grace
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
