"""Pictures and bodies beyond the limits: 413 with both numbers, whichever way they come."""

import base64
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.http import DOCUMENTED_PATH, Door, encode, pixels_of, refused

NAME = "shoulder_abduction"
MIB = 1024 * 1024
MAX_BYTES = 200_000
MAX_BODY = 3 * MAX_BYTES // 2 + 65536
"""What a picture of the largest size may grow to in a form, and room for the other fields."""


@pytest.fixture
def small(open_door: Callable[..., Door]) -> Door:
    return open_door(max_image_bytes=MAX_BYTES, max_image_pixels=500_000)


def padded(photo: bytes, size: int) -> bytes:
    """The same picture in a file of exactly ``size`` bytes."""
    return photo + bytes(size - len(photo))


def test_bytes(small: Door, photo: bytes) -> None:
    assert small.detect(padded(photo, MAX_BYTES))["status"] == "ok"
    response = small.post(files={"image": padded(photo, MAX_BYTES + 1)}, data={"measurement": NAME})
    message = refused(response, 413, "image_too_large", "image")
    assert "200001 bytes" in message
    assert "200000" in message


def test_the_largest_picture_fits_into_every_body(small: Door, photo: bytes) -> None:
    largest = photo + np.random.default_rng(3).bytes(MAX_BYTES - len(photo))
    text = base64.encodebytes(largest).decode()  # in lines, which a form escapes as well
    fields = {"image": text, "measurement": NAME, "note": "n" * 10_000}
    for request in (
        {"json": fields},
        {"data": fields},
        {"files": {name: (None, value) for name, value in fields.items()}},
    ):
        response = small.post(**request)
        assert response.status_code == 200, response.text


def test_pixels(small: Door, photo: bytes) -> None:
    assert small.detect(photo)["status"] == "ok"
    file = encode(".png", np.zeros((1000, 501, 3), np.uint8))
    response = small.post(files={"image": file}, data={"measurement": NAME})
    message = refused(response, 413, "image_too_large", "image")
    assert "501x1000 = 501000 pixels" in message
    assert "500000" in message


def test_a_picture_that_claims_to_be_huge_is_not_decoded(door: Door, photo: bytes) -> None:
    start_of_frame = photo.index(b"\xff\xc0")
    bomb = photo[: start_of_frame + 5] + b"\xff\xff\xff\xff" + photo[start_of_frame + 9 :]
    response = door.post(files={"image": bomb}, data={"measurement": NAME})
    message = refused(response, 413, "image_too_large", "image")
    assert f"{65535 * 65535} pixels" in message


def test_a_body_beyond_all_need(small: Door, photo: bytes) -> None:
    size = 20 * MIB
    for request in (
        {"files": {"image": padded(photo, size)}, "data": {"measurement": NAME}},
        {"json": {"image": "A" * size, "measurement": NAME}},
        {"data": {"image": "A" * size, "measurement": NAME}},
    ):
        message = refused(small.post(**request), 413, "image_too_large", "image")
        assert re.match(rf"The body has 2097\d{{4}} bytes, the limit is {MAX_BODY}\.", message)


def test_a_declared_length_is_refused_before_the_body_is_sent(small: Door) -> None:
    head = small.head("Content-Type: application/json", f"Content-Length: {10**15}")
    message = refused(small.exchange(head), 413, "image_too_large", "image")
    assert message.startswith(f"The body has {10**15} bytes, the limit is {MAX_BODY}")


def test_a_chunked_body_is_refused_when_it_gets_too_large(small: Door) -> None:
    head = small.head("Content-Type: multipart/form-data; boundary=b", "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    response = small.exchange(head, *[chunk] * 6)
    message = refused(response, 413, "image_too_large", "image")
    assert f"or more, the limit is {MAX_BODY}" in message


def test_a_chunked_body_of_a_good_size(small: Door, photo: bytes) -> None:
    def parts() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="measurement"\r\n\r\n'
        yield NAME.encode()
        yield b'\r\n--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for at in range(0, len(photo), 1000):
            yield photo[at : at + 1000]
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert small.post(data=parts(), headers=headers).status_code == 200


def test_refused_uploads_get_their_answer(door: Door, photo: bytes) -> None:
    """Callers that send a large body before they read the answer still find it."""
    body: dict[str, Any] = {
        "files": {"image": padded(photo, 16 * MIB)},
        "data": {"measurement": NAME},
    }
    refused(door.post(headers={"X-API-Key": "wrong"}, **body), 401, "invalid_api_key")
    refused(door.post("/nowhere", **body), 404, "not_found")
    response = door.post(data=padded(photo, 16 * MIB), headers={"Content-Type": "image/jpeg"})
    refused(response, 415, "unsupported_media_type")


def test_the_connection_lives_on_after_a_refused_body(small: Door) -> None:
    with requests.Session() as session:
        for _ in range(3):
            response = session.post(
                small.server.url + DOCUMENTED_PATH,
                data=b"x" * MIB,
                headers={"Content-Type": "application/json", "X-API-Key": small.server.api_key},
                timeout=30,
            )
            refused(response, 413, "image_too_large", "image")


def test_as_many_fields_as_can_be_meant(door: Door) -> None:
    for count, code in ((62, "missing_image"), (65, "invalid_request")):
        fields = [("measurement", NAME)] * count
        for request in (
            {"data": fields},
            {"files": [(name, (None, value)) for name, value in fields]},
            {"json": {"measurement": [NAME] * count}},
        ):
            field = "image" if code == "missing_image" else None
            message = refused(door.post(**request), 400, code, field)
        if code == "invalid_request":
            assert "64" in message


def test_large_pictures_go_through(door: Door, photo: bytes) -> None:
    large = np.repeat(np.repeat(pixels_of(photo), 4, axis=0), 4, axis=1)
    answer = door.detect(encode(".png", large), include="keypoints")
    assert (answer["image"]["width"], answer["image"]["height"]) == (612 * 4, 680 * 4)
    small = door.detect(photo)
    for side, value in answer["measurements"][0]["value"].items():
        # His left elbow is hard to see: other pixels move it by some degrees.
        assert abs(value - small["measurements"][0]["value"][side]) <= 6


def test_small_answers_leave_at_once(door: Door) -> None:
    """Nagle's algorithm would hold each back until the caller's delayed acknowledgement, 40 ms."""
    seconds = []
    with requests.Session() as session:
        for _ in range(20):
            begun = time.perf_counter()
            session.get(f"{door.server.url}/healthz", timeout=30)
            seconds.append(time.perf_counter() - begun)
    assert min(seconds[1:]) < 0.02
