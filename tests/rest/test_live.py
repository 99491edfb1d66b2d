"""Live mode's WebSocket: frames in order, refusals in words, and nobody hurt."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from jointtrack_server.access.caller import Plan, Scope
from jointtrack_server.rest_api.live_messages import HEAD
from tests.support.http import Door, live_url
from tests.support.waiting import eventually

NAME = "shoulder_abduction"
"""Of the right arm: the left elbow of the photo is hard to see."""
TIMEOUT_S = 30
LABELS = 'door="http",method="/live"'


@contextmanager
def opened(door: Door, **options: Any) -> Iterator[ClientConnection]:
    with connect(
        live_url(door.server.url), max_size=None, open_timeout=TIMEOUT_S, **options
    ) as connection:
        yield connection


def config(door: Door, **fields: Any) -> str:
    return json.dumps({"apiKey": door.server.api_key, "measurement": NAME, **fields})


def frame(number: int, picture: bytes) -> bytes:
    return HEAD.pack(number, number / 30) + picture


def answer(connection: ClientConnection) -> Any:
    return json.loads(connection.recv(timeout=TIMEOUT_S))


def refused(connection: ClientConnection, code: str, close_code: int = 1008) -> str:
    """The message of the error that ends the connection."""
    said = answer(connection)
    assert said["status"] == "error"
    assert said["error"]["code"] == code
    assert said["error"]["requestId"]
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(timeout=TIMEOUT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == close_code
    return str(said["error"]["message"])


def test_frames_are_answered_in_order_and_summed_up(door: Door, photo: bytes) -> None:
    want = door.detect(photo)["measurements"][0]["value"]
    with opened(door) as connection:
        connection.send(config(door, overflow="block"))
        for number in range(8):
            connection.send(frame(number, photo))
        connection.send('{"end": true}')
        answers = [answer(connection) for _ in range(9)]
    assert [one["sequenceId"] for one in answers[:8]] == list(range(8))
    for one in answers[:8]:
        (person,) = one["people"]
        value = person["measurements"][0]["value"]
        assert value["right"] == pytest.approx(want["right"], abs=8)
        assert person["marks"]
        assert (one["width"], one["height"]) == (612, 680)
    (summed,) = answers[8]["summary"]["people"]
    assert summed["measurements"][0]["sides"]["right"]["max"] == pytest.approx(want["right"], abs=8)


def test_a_bad_frame_is_an_answer_and_the_stream_lives(door: Door, photo: bytes) -> None:
    with opened(door) as connection:
        connection.send(config(door))
        connection.send(frame(0, b"no picture"))
        assert answer(connection)["error"]["code"] == "invalid_image"
        connection.send(frame(1, photo))
        assert answer(connection)["people"]


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("nonsense", "invalid_request"),
        ('{"measurement": "shoulder_abduction"}', "missing_api_key"),
        ('{"apiKey": "jt_0_wrong", "measurement": "shoulder_abduction"}', "invalid_api_key"),
        (b"\x00\x01", "invalid_request"),
    ],
)
def test_first_messages_that_are_refused(door: Door, first: str | bytes, code: str) -> None:
    with opened(door) as connection:
        connection.send(first)
        refused(connection, code)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"measurement": "handstand"}, "unknown_measurement"),
        ({"measurement": []}, "missing_measurement"),
        ({"side": "up"}, "invalid_side"),
        ({"overflow": "none"}, "invalid_request"),
    ],
)
def test_what_is_asked_wrongly(door: Door, fields: dict[str, Any], code: str) -> None:
    with opened(door) as connection:
        connection.send(config(door, **fields))
        refused(connection, code)


@pytest.mark.parametrize("message", [b"short", "text", '{"end": false}'])
def test_what_is_no_frame_ends_it(door: Door, message: str | bytes) -> None:
    with opened(door) as connection:
        connection.send(config(door))
        connection.send(message)
        refused(connection, "invalid_request")


def test_frames_go_forward_only(door: Door, photo: bytes) -> None:
    with opened(door) as connection:
        connection.send(config(door))
        connection.send(frame(5, photo))
        connection.send(frame(5, photo))
        assert answer(connection)["sequenceId"] == 5
        assert "5" in refused(connection, "invalid_request")


def test_a_message_beyond_the_limit_is_not_held(
    open_door: Callable[..., Door], photo: bytes
) -> None:
    door = open_door(max_image_bytes=100_000)
    with opened(door) as connection:
        connection.send(config(door))
        connection.send(frame(0, bytes(200_000)))
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=TIMEOUT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    assert door.detect(photo)["status"] == "ok"


def test_nobody_without_a_key_makes_the_server_hold_much(door: Door, photo: bytes) -> None:
    with opened(door) as connection:
        connection.send(config(door, padding="x" * 100_000))
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=TIMEOUT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    with opened(door) as connection:
        connection.send(config(door))
        connection.send(frame(0, photo))
        assert answer(connection)["people"]


def test_pages_from_elsewhere_are_not_let_in(door: Door) -> None:
    with (
        pytest.raises(InvalidStatus) as refusal,
        opened(door, origin="https://elsewhere.example"),
    ):
        pass
    assert refusal.value.response.status_code == 400
    assert b"elsewhere.example" in (refusal.value.response.body or b"")
    with opened(door, origin=door.server.url):
        pass


def test_a_key_for_pictures_opens_no_stream(door: Door) -> None:
    keys = door.server.app.keys
    assert keys is not None
    text, _ = keys.create("pictures only", scopes=frozenset({Scope.DETECT}))
    with opened(door) as connection:
        connection.send(config(door, apiKey=text))
        refused(connection, "missing_scope")


def test_frames_count_and_end_with_the_month(door: Door, photo: bytes) -> None:
    keys = door.server.app.keys
    assert keys is not None
    keys.put_plan(Plan("two-frames", month_pictures=2))
    text, _ = keys.create("small", plan="two-frames")
    with opened(door) as connection:
        connection.send(config(door, apiKey=text))
        for number in range(2):
            connection.send(frame(number, photo))
            assert answer(connection)["people"]
        connection.send(frame(2, photo))
        refused(connection, "quota_exceeded")


def test_who_hangs_up_leaves_nothing_behind(door: Door, photo: bytes) -> None:
    before = door.count(f'code="CANCELLED",{LABELS}')
    for _ in range(5):
        with opened(door) as connection:
            connection.send(config(door))
            connection.send(frame(0, photo))
            connection.socket.close()
    eventually(lambda: door.count(f'code="CANCELLED",{LABELS}') == before + 5)
    eventually(lambda: door.server.app.runner.in_flight == 0)
    with opened(door) as connection:
        connection.send(config(door))
        connection.send(frame(0, photo))
        assert answer(connection)["people"]


def test_a_stream_that_says_nothing_is_ended(open_door: Callable[..., Door]) -> None:
    door = open_door(max_stream_idle_s=0.5, http_timeout_s=1.0)
    with opened(door) as connection:
        assert "1 s" in refused(connection, "request_timeout")
    with opened(door) as connection:
        connection.send(config(door))
        assert "0.5 s" in refused(connection, "request_timeout")


def test_a_server_that_stops_says_so(open_door: Callable[..., Door], photo: bytes) -> None:
    door = open_door()
    with opened(door) as connection:
        connection.send(config(door))
        connection.send(frame(0, photo))
        assert answer(connection)["people"]
        door.server.stop()
        refused(connection, "draining", close_code=1001)
