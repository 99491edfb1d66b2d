"""Callers who send slowly, for ever or for nothing, or who go: nobody else notices."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import requests

from jointtrack_server.access.caller import Plan
from tests.support.busy import busy
from tests.support.http import DOCUMENTED_PATH, TIMEOUT_S, Door, read_response, refused
from tests.support.waiting import eventually

MULTIPART = "Content-Type: multipart/form-data; boundary=b"
LARGE = "Content-Length: 40000000"
ENDLESS = f"Content-Length: {10**15}"
CHUNKED = "Transfer-Encoding: chunked"
PIECE = b"x" * 0x10000
CHUNK = b"10000\r\n" + PIECE + b"\r\n"
CANCELLED = f'code="CANCELLED",door="http",method="{DOCUMENTED_PATH}"'
GIVE_UP_S = 30.0


def request_of(door: Door, photo: bytes) -> bytes:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="measurement"\r\n\r\nsplits\r\n'
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        + photo
        + b"\r\n--b--\r\n"
    )
    return door.head(MULTIPART, f"Content-Length: {len(body)}") + body


def send_until_closed(connection: socket.socket, piece: bytes) -> None:
    """Fails if the server goes on listening."""
    end_s = time.monotonic() + GIVE_UP_S
    with suppress(ConnectionError):
        while time.monotonic() < end_s:
            connection.sendall(piece)
            time.sleep(0.001)
    assert time.monotonic() < end_s


@pytest.mark.parametrize("key", ["", "jt_00000000_wrong"])
@pytest.mark.parametrize(("length", "piece"), [(ENDLESS, PIECE), (CHUNKED, CHUNK)])
def test_nobody_without_a_key_is_listened_to(
    door: Door, photo: bytes, key: str, length: str, piece: bytes
) -> None:
    head = door.head(MULTIPART, length).replace(door.server.api_key.encode(), key.encode())
    with door.connect() as connection:
        connection.sendall(head)
        response = read_response(connection)  # nothing of the body was sent yet
        refused(response, 401, "invalid_api_key" if key else "missing_api_key")
        assert response.headers["Connection"] == "close"
        send_until_closed(connection, piece)
    assert door.detect(photo)["status"] == "ok"


def test_who_asks_first_is_not_told_to_go_on(door: Door) -> None:
    """curl sends "Expect: 100-continue" before a large body."""
    head = door.head(MULTIPART, LARGE, "Expect: 100-continue")
    with door.connect() as connection:
        connection.sendall(head.replace(door.server.api_key.encode(), b"wrong"))
        assert connection.recv(20) == b"HTTP/1.1 401 Unautho"
    with door.connect() as connection:
        connection.sendall(head)
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_no_body_is_read_when_there_is_no_room(
    open_door: Callable[..., Door], photo: bytes
) -> None:
    door = open_door(workers=2, max_queue=0)
    with busy(door.server, workers=2), door.connect() as connection:
        connection.sendall(door.head(MULTIPART, LARGE))
        response = read_response(connection)
        refused(response, 503, "overloaded")
        assert response.headers["Retry-After"] == "1"
        assert response.headers["Connection"] == "close"
    assert door.detect(photo)["status"] == "ok"


def test_a_refused_body_that_ends_costs_no_connection(door: Door, photo: bytes) -> None:
    good = request_of(door, photo)
    bad = good.replace(door.server.api_key.encode(), b"wrong")
    with door.connect() as connection:
        connection.settimeout(TIMEOUT_S)
        for _ in range(2):
            connection.sendall(bad)
            refused(read_response(connection), 401, "invalid_api_key")
        connection.sendall(good)
        assert read_response(connection).status_code == 200


def test_a_body_that_drips(open_door: Callable[..., Door], photo: bytes) -> None:
    door = open_door(http_timeout_s=1.0)
    with door.connect() as connection:
        connection.sendall(door.head(MULTIPART, LARGE))
        dripping = threading.Thread(target=drip, args=[connection])
        dripping.start()
        response = read_response(connection)
        message = refused(response, 408, "request_timeout")
        assert message.startswith("The body had to arrive within 1 s; ")
        assert response.headers["Connection"] == "close"
        dripping.join(GIVE_UP_S)
        assert not dripping.is_alive()
    assert door.detect(photo)["status"] == "ok"


def drip(connection: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)


@pytest.mark.parametrize("path", ["/nowhere", "/healthz"])
def test_other_paths_read_no_body_either(door: Door, path: str) -> None:
    with door.connect() as connection:
        connection.sendall(door.head(ENDLESS, path=path))
        assert read_response(connection).headers["Connection"] == "close"
        send_until_closed(connection, PIECE)


def test_work_of_a_caller_who_has_gone_is_not_done(
    open_door: Callable[..., Door], photo: bytes
) -> None:
    door = open_door(workers=1)
    runner = door.server.app.runner
    with busy(door.server, workers=1):
        connections = [door.connect() for _ in range(3)]
        for connection in connections:
            connection.sendall(request_of(door, photo))
        eventually(lambda: runner.in_flight == 4)
        for connection in connections:
            connection.close()
        eventually(lambda: runner.in_flight == 1)  # while the worker is still held
        eventually(lambda: door.count(CANCELLED) == 3)
    eventually(lambda: runner.in_flight == 0)
    assert door.detect(photo)["status"] == "ok"
    assert door.count(CANCELLED) == 3


def test_who_goes_before_the_answer_pays_nothing(
    open_door: Callable[..., Door], photo: bytes
) -> None:
    door = open_door(workers=1)
    keys = door.server.app.keys
    assert keys is not None
    keys.put_plan(Plan("one", month_pictures=1))
    key = keys.create("someone", plan="one")[0]
    with busy(door.server, workers=1), door.connect() as connection:
        connection.sendall(
            request_of(door, photo).replace(door.server.api_key.encode(), key.encode())
        )
        eventually(lambda: door.server.app.runner.in_flight == 2)
    eventually(lambda: door.count(CANCELLED) == 1)
    for status in (200, 402):
        response = door.post(
            headers={"X-API-Key": key}, files={"image": photo}, data={"measurement": "splits"}
        )
        assert response.status_code == status


@contextmanager
def uploading(door: Door, key: str, size_bytes: int) -> Iterator[socket.socket]:
    """An upload that has come so far and stops."""
    head = door.head(MULTIPART, "Content-Length: 10000000")
    with door.connect() as connection:
        connection.sendall(head.replace(door.server.api_key.encode(), key.encode()))
        connection.sendall(b"x" * size_bytes)
        yield connection


def refusal_of_one(connections: set[socket.socket]) -> str:
    """The message to the first that is answered, which is taken out."""
    answered = select.select(connections, [], [], TIMEOUT_S)[0][0]
    connections.remove(answered)
    return refused(read_response(answered), 503, "overloaded")


def test_bodies_under_way_are_bounded_in_all(open_door: Callable[..., Door], photo: bytes) -> None:
    """One caller has half of the room at most, so there is some left for the others."""
    door = open_door(max_upload_bytes=1_000_000)
    keys = door.server.app.keys
    assert keys is not None
    greedy, other, third = (keys.create(name)[0] for name in ("greedy", "other", "third"))
    with ExitStack() as stack:

        def upload(key: str) -> socket.socket:
            return stack.enter_context(uploading(door, key, 400_000))

        uploads = {upload(greedy), upload(greedy)}
        assert "more than 500000 bytes" in refusal_of_one(uploads)
        uploads |= {upload(other)}
        assert door.detect(photo)["status"] == "ok"
        uploads |= {upload(third)}
        assert "more than 1000000 bytes" in refusal_of_one(uploads)
        assert select.select(uploads, [], [], 0.5)[0] == []
        assert door.detect(photo)["status"] == "ok"
    with uploading(door, greedy, 900_000) as alone:
        assert select.select([alone], [], [], 0.5)[0] == []


def test_many_who_hang_up_leave_nothing_behind(door: Door, photo: bytes) -> None:
    for _ in range(20):
        with suppress(requests.Timeout):
            requests.post(
                door.server.url + DOCUMENTED_PATH,
                headers={"X-API-Key": door.server.api_key},
                files={"image": photo},
                data={"measurement": "splits"},
                timeout=0.005,
            )
    eventually(lambda: door.server.app.runner.in_flight == 0)
    eventually(lambda: 'in_flight{door="http"} 1.0' in door.get("/metrics").text)
    assert door.detect(photo)["status"] == "ok"
