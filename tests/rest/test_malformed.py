"""Bodies that are not what they say, and callers that hang up: never a 500."""

import json
import logging
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.rest_api.body import find_reader
from jointtrack_server.rest_api.fields import BodyLimits
from tests.support.http import DOCUMENTED_PATH, Door, refused

NAME = "shoulder_abduction"
MULTIPART = "multipart/form-data; boundary=b"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
LIMITS = BodyLimits(100_000, 64, 8, 4096, 16)
PART = b'--b\r\nContent-Disposition: form-data; name="measurement"\r\n\r\nsplits\r\n'


@pytest.fixture(autouse=True)
def unharmed(door: Door, photo: bytes, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing here is a failure of the server, and the next good request works."""
    yield
    assert [one for one in caplog.get_records("call") if one.levelno >= logging.ERROR] == []
    assert door.detect(photo)["status"] == "ok"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", PART + b"--b--\r\n"),
        ("multipart/form-data; boundary=", PART + b"--b--\r\n"),
        ("multipart/form-data; boundary=" + "b" * 300, PART),
        ("multipart/form-data; boundary=other", PART + b"--b--\r\n"),
        (MULTIPART, b""),
        (MULTIPART, b"garbage"),
        (MULTIPART, PART),
        (MULTIPART, PART[:30]),
        (MULTIPART, b"--b\r\nContent-Disposition: form-data\r\n\r\nsplits\r\n--b--\r\n"),
        (MULTIPART, b"--b\r\n\r\nsplits\r\n--b--\r\n"),
        (MULTIPART, b"--b\r\n" + b"X-A: b\r\n" * 5000 + b"\r\nx\r\n--b--\r\n"),
        (MULTIPART, b"--b\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\nx\r\n--b--\r\n"),
        (
            MULTIPART,
            PART.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n!")
            + b"--b--\r\n",
        ),
        (FORM, b"\xff\xfe=1"),
        (FORM, b"measurement=%ff"),
        (FORM, b"measurement=%zz"),
        (JSON, b""),
        (JSON, b"{"),
        (JSON, b'{"image": }'),
        (JSON, b'"text"'),
        (JSON, b"[1]"),
        (JSON, b"null"),
        (JSON, b"NaN"),
        (JSON, b'{"image": NaN, "measurement": "splits"}'),
        (JSON, b'{"image": "aGk=", "measurement": "splits", "people": -Infinity}'),
        (JSON, b'{"a": "\xff"}'),
        (JSON, b"[" * 200_000),
        (JSON, b'{"a":' * 200_000),
        (JSON, b"\x00" * 1000),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bodies_that_cannot_be_read(door: Door, content_type: str, body: bytes) -> None:
    response = door.post(data=body, headers={"Content-Type": content_type})
    message = refused(response, 400, "invalid_request")
    assert "cannot be read" in message


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, b"--b--\r\n" + PART),
        (MULTIPART, PART.replace(b"form-data;", b"\xff\x00;") + b"--b--\r\n"),
        (FORM, b""),
        (FORM, b"&&=&image&image="),
        (JSON, b"{}"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bodies_with_nothing_in_them(door: Door, content_type: str, body: bytes) -> None:
    response = door.post(data=body, headers={"Content-Type": content_type})
    refused(response, 400, "missing_image", "image")


@pytest.mark.parametrize(
    "body",
    [
        b'{"image": "aGk=", "measurement": "splits", "side": "\\ud800"}',
        b'{"image": "\\udfff", "measurement": "splits"}',
        b'{"image": "aGk=", "measurement": "splits", "model": "\\ud800\\u0000"}',
        b'{"image": "aGk=", "measurement": "splits", "people": 1e999}',
        b'{"image": "aGk=", "measurement": "splits", "people": ' + b"9" * 5000 + b"}",
        b'{"image": ' + b"9" * 5000 + b', "measurement": "splits"}',
        b'{"image": "http://[", "measurement": "splits"}',
        b'{"image": "data:' + b";a" * 5000 + b'", "measurement": "splits"}',
    ],
    ids=lambda value: str(value)[:40],
)
def test_json_with_odd_values(door: Door, body: bytes) -> None:
    response = door.post(data=body, headers={"Content-Type": JSON})
    error = response.json()["error"]
    refused(response, response.status_code, error["code"], error["field"])
    assert response.status_code in {400, 424}


def test_an_odd_charset_changes_nothing(door: Door, photo: bytes) -> None:
    file = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + photo
    body = PART + file + b"\r\n--b--\r\n"
    for charset in ("idna", "punycode", "unicode_escape", "undefined", "zlib", "%00"):
        headers = {"Content-Type": f"{MULTIPART}; charset={charset}"}
        assert door.post(data=body, headers=headers).status_code == 200


READABLE = st.sampled_from(
    [
        (MULTIPART, PART + PART + b"--b--\r\n"),
        (FORM, b"measurement=splits&side=left&image=aGk%3D"),
        (JSON, json.dumps({"measurement": ["splits"], "image": "aGk="}).encode()),
    ]
)


@given(READABLE, st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_bodies_are_read_or_refused(
    readable: tuple[str, bytes], data: st.DataObject
) -> None:
    content_type, body = readable
    at = data.draw(st.integers(0, len(body)))
    cut = data.draw(st.integers(0, 8))
    damaged = body[:at] + data.draw(st.binary(max_size=8)) + body[at + cut :]
    try:
        fields = find_reader(content_type, LIMITS)(damaged)
    except JointTrackError as refusal:
        fields, reason = [], refusal.reason
    else:
        reason = Reason.INVALID_REQUEST
    assert reason is Reason.INVALID_REQUEST
    assert all(isinstance(name, str) for name, _ in fields)


def hang_up(connection: socket.socket, *, rudely: bool) -> None:
    if rudely:  # a reset in place of a goodbye
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("content_type", [MULTIPART, JSON])
@pytest.mark.parametrize("rudely", [False, True])
def test_hanging_up_in_the_middle_of_an_upload(door: Door, content_type: str, rudely: bool) -> None:
    counted = f'code="CANCELLED",door="http",method="{DOCUMENTED_PATH}"'
    before = door.count(counted)
    connection = door.connect()
    connection.sendall(door.head(f"Content-Type: {content_type}", "Content-Length: 100000"))
    connection.sendall(PART)
    time.sleep(0.05)
    hang_up(connection, rudely=rudely)
    for _ in range(100):
        if door.count(counted) > before:
            break
        time.sleep(0.02)
    assert door.count(counted) == before + 1


def test_hanging_up_before_the_answer(door: Door, photo: bytes) -> None:
    file = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + photo
    body = PART + file + b"\r\n--b--\r\n"
    head = door.head(f"Content-Type: {MULTIPART}", f"Content-Length: {len(body)}")
    for _ in range(5):
        connection = door.connect()
        connection.sendall(head + body)
        hang_up(connection, rudely=True)
