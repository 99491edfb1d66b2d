"""Who may come in: keys, scopes, rates, quotas; and what costs nothing."""

import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pytest
import requests

from jointtrack_server.access.caller import Plan, Scope
from jointtrack_server.access.keys import KeyStore
from tests.support.http import DOCUMENTED_PATH, TIMEOUT_S, Door, encode, refused
from tests.support.waiting import within_one_minute

NAME = "shoulder_abduction"
NOBODY = encode(".png", np.zeros((200, 200, 3), np.uint8))


def form(photo: bytes, **fields: Any) -> dict[str, Any]:
    return {"files": {"image": photo}, "data": {"measurement": NAME, **fields}}


def keys_of(door: Door) -> KeyStore:
    keys = door.server.app.keys
    assert keys is not None
    return keys


def key_with(door: Door, **plan: int) -> str:
    """A key of a plan of its own."""
    keys = keys_of(door)
    keys.put_plan(Plan("small", **plan))
    return keys.create("someone", plan="small")[0]


@pytest.mark.parametrize("header", ["X-API-Key", "X-API-KEY", "x-api-key", "x-Api-kEy"])
def test_the_key_header_in_any_case(door: Door, header: str) -> None:
    head = door.head("Content-Type: application/json", "Content-Length: 2")
    response = door.exchange(head.replace(b"X-API-Key", header.encode()) + b"{}")
    refused(response, 400, "missing_image", "image")


@pytest.mark.parametrize(
    ("key", "code"),
    [("", "missing_api_key"), ("jt_0_wrong", "invalid_api_key"), ("\xe9", "invalid_api_key")],
)
def test_api_keys(door: Door, photo: bytes, key: str, code: str) -> None:
    message = refused(door.post(headers={"X-API-Key": key}, **form(photo)), 401, code)
    assert "key" in message


def test_no_key_header_at_all(door: Door) -> None:
    head = f"POST {DOCUMENTED_PATH} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"
    refused(door.exchange(head.encode()), 401, "missing_api_key")


def test_without_keys_nobody_is_asked(open_door: Callable[..., Door], photo: bytes) -> None:
    door = open_door(auth=False)
    response = requests.post(f"{door.server.url}/detect", timeout=TIMEOUT_S, **form(photo))
    assert response.status_code == 200


def test_a_revoked_key(door: Door, photo: bytes) -> None:
    text, record = keys_of(door).create("second")
    assert door.post(headers={"X-API-Key": text}, **form(photo)).status_code == 200
    keys_of(door).revoke(record.id)
    time.sleep(1.5)
    refused(door.post(headers={"X-API-Key": text}, **form(photo)), 401, "invalid_api_key")


def test_a_key_for_something_else(door: Door, photo: bytes) -> None:
    text, record = keys_of(door).create("streams", scopes=frozenset({Scope.STREAM}))
    message = refused(door.post(headers={"X-API-Key": text}, **form(photo)), 403, "missing_scope")
    assert record.id in message
    assert text not in message


def test_too_many_requests_in_a_minute(open_door: Callable[..., Door], photo: bytes) -> None:
    door = open_door()
    key = {"X-API-Key": key_with(door, minute_requests=2)}
    within_one_minute(5)
    for _ in range(2):
        assert door.post(headers=key, **form(photo)).status_code == 200
    response = door.post(headers=key, **form(photo))
    assert "allows 2 requests a minute" in refused(response, 429, "rate_limited")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert door.post(**form(photo)).status_code == 200  # another key


def test_only_answers_count_towards_the_quota(
    open_door: Callable[..., Door], photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise ValueError

    door = open_door()
    key = {"X-API-Key": key_with(door, month_pictures=2)}
    for status, request in (
        (400, form(photo, side="up")),
        (400, form(b"no picture")),
        (413, {"json": {"image": "A" * (50 << 20)}}),
        (415, {"data": b"x"}),
        (422, form(NOBODY)),
        (424, form(photo) | {"files": {"image": (None, "http://127.0.0.1/a.jpg")}}),
    ):
        assert door.post(headers=key, **request).status_code == status
    with monkeypatch.context() as patch:
        patch.setattr("jointtrack_server.pipeline.detect.measure", fail)
        assert door.post(headers=key, **form(photo)).status_code == 500
    for _ in range(2):
        assert door.post(headers=key, **form(photo)).status_code == 200
    response = door.post(headers=key, **form(photo))
    message = refused(response, 402, "quota_exceeded")
    assert "allows 2 pictures a month, and 2 are used. It renews at 20" in message
    assert "Retry-After" not in response.headers
    assert door.post(**form(photo)).status_code == 200
