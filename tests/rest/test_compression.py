"""Answers as gzip, for those who ask; bodies that are compressed; and what caches may keep."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.http import DOCUMENTED_PATH, TIMEOUT_S, Door, refused

FIELDS = {"measurement": "shoulder_abduction,splits,elbow_side", "include": "keypoints"}


def detect(door: Door, photo: bytes, accept: str | None) -> requests.Response:
    return door.post(
        files={"image": photo},
        data=FIELDS,
        headers={"Accept-Encoding": accept},  # type: ignore[dict-item]  # None sends none
        stream=True,
    )


@pytest.mark.parametrize("accept", ["gzip", "br;q=1.0, GZIP;q=0.2", "*", "deflate, gzip ; q=1"])
def test_who_asks_gets_gzip(door: Door, photo: bytes, accept: str) -> None:
    plain = detect(door, photo, "identity")
    packed = detect(door, photo, accept)
    assert packed.headers["Content-Encoding"] == "gzip"
    wire: bytes = packed.raw.data
    assert len(wire) == int(packed.headers["Content-Length"])
    assert len(wire) < 0.8 * len(plain.content)
    assert gzip.decompress(wire) == plain.content


@pytest.mark.parametrize(
    "accept", [None, "", "identity", "br", "gzip;q=0", "*;q=0", "gzip;q=x", "gzip;q=0, *"]
)
def test_who_does_not_ask_gets_none(door: Door, photo: bytes, accept: str | None) -> None:
    response = detect(door, photo, accept)
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"
    assert json.loads(response.raw.data)["status"] == "ok"


def test_refusals_are_too_small(door: Door) -> None:
    response = door.post(json={}, headers={"Accept-Encoding": "gzip"})
    refused(response, 400, "missing_image", "image")
    assert "Content-Encoding" not in response.headers


def test_gzip_switched_off(open_door: Callable[..., Door], photo: bytes) -> None:
    response = detect(open_door(gzip=False), photo, "gzip")
    assert "Content-Encoding" not in response.headers
    assert "Vary" not in response.headers


def test_the_description_is_packed(door: Door) -> None:
    sizes = []
    for accept in ("gzip", "identity"):
        response = requests.get(
            door.server.url + "/openapi.json",
            headers={"Accept-Encoding": accept},
            timeout=TIMEOUT_S,
            stream=True,
        )
        sizes.append(len(response.raw.data))
    assert sizes[0] < 0.3 * sizes[1]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_compressed_bodies_are_refused_unread(door: Door, coding: str) -> None:
    bomb = zlib.compress(b" " * 50_000_000)
    response = door.post(
        data=bomb, headers={"Content-Encoding": coding, "Content-Type": "application/json"}
    )
    message = refused(response, 415, "unsupported_media_type")
    assert message.startswith(f'The Content-Encoding of the body is "{coding}".')


def test_a_body_may_say_that_it_is_not_compressed(door: Door) -> None:
    response = door.post(json={}, headers={"Content-Encoding": "identity"})
    refused(response, 400, "missing_image", "image")


def test_no_cache_keeps_answers(door: Door, photo: bytes) -> None:
    responses = [
        detect(door, photo, None),
        door.post(json={}),
        door.get("/nowhere"),
        door.get(DOCUMENTED_PATH),
        door.get("/healthz"),
        door.get("/readyz"),
        door.exchange(b"nonsense\r\n\r\n"),
    ]
    assert [one.headers["Cache-Control"] for one in responses] == ["no-store"] * len(responses)
    for response in (*responses, door.get("/docs"), door.get("/openapi.json")):
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
def test_head_is_get_without_a_body(door: Door, path: str) -> None:
    response, got = door.get(path, "HEAD"), door.get(path)
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["Content-Type"] == got.headers["Content-Type"]


def test_http_1_0(door: Door) -> None:
    response = door.exchange(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert response.json() == {"status": "ok"}
    assert response.headers["Connection"] == "close"


def test_options_without_an_origin(door: Door) -> None:
    response: Any = door.get("/healthz", "OPTIONS")
    refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD"
