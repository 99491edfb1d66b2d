"""Every error of the documented table: HTTP status, code, field, message, request id."""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.observability.logs import add_ids
from tests.support.busy import busy
from tests.support.http import DOCUMENTED_PATH, Door, refused
from tests.support.waiting import eventually

NAME = "shoulder_abduction"
BLOCKED_S = 20.0


def form(photo: bytes, **fields: Any) -> dict[str, Any]:
    return {"files": {"image": photo}, "data": {"measurement": NAME, **fields}}


@pytest.mark.parametrize("measurement", [None, "", " , ", []])
def test_missing_measurement(door: Door, measurement: object) -> None:
    response = door.post(json={"image": "aGk=", "measurement": measurement})
    message = refused(response, 400, "missing_measurement", "measurement")
    assert all(name in message for name in MEASUREMENTS)


@pytest.mark.parametrize(
    "bad", ["neck_rotation", "Shoulder_Abduction", "knee_frönt", "a b", "\ud800", 5, True]
)
def test_unknown_measurement(door: Door, bad: object) -> None:
    response = door.post(json={"image": "aGk=", "measurement": [NAME, bad]})
    message = refused(response, 400, "unknown_measurement", "measurement")
    shown = str(bad).encode("utf-8", "replace").decode()
    assert message.startswith(f'"{shown}" is no measurement')
    assert all(name in message for name in MEASUREMENTS)


@pytest.mark.parametrize("bad", ["up", "left,right", "0"])
def test_invalid_side(door: Door, photo: bytes, bad: str) -> None:
    message = refused(door.post(**form(photo, side=bad)), 400, "invalid_side", "side")
    assert f'"{bad}"' in message
    assert "left, right, both" in message


@pytest.mark.parametrize(
    ("fields", "field", "shown"),
    [
        ({"model": "yolo"}, "model", '"yolo"'),
        ({"model": "movenet-thunder", "version": "99"}, "version", '"99"'),
        ({"version": "latest"}, "version", '"latest"'),
    ],
)
def test_unknown_model(
    door: Door, photo: bytes, fields: dict[str, str], field: str, shown: str
) -> None:
    message = refused(door.post(**form(photo, **fields)), 400, "unknown_model", field)
    assert shown in message
    assert "movenet-thunder 4" in message


@pytest.mark.parametrize(
    ("field", "bad", "accepted"),
    [
        ("facing", "up", "left, right"),
        ("mirrored", "yes", "true, 1, false, 0"),
        ("strict", "2", "true, 1, false, 0"),
        ("people", "0", "1, 2, 3, 4, 5, 6"),
        ("people", "7", "1, 2, 3, 4, 5, 6"),
        ("people", "1.0", "1, 2, 3, 4, 5, 6"),
        ("people", "9" * 1999, "1, 2, 3, 4, 5, 6"),
        ("include", "details,mesh", "keypoints, details"),
    ],
)
def test_options_out_of_range(
    door: Door, photo: bytes, field: str, bad: str, accepted: str
) -> None:
    message = refused(door.post(**form(photo, **{field: bad})), 400, "invalid_request", field)
    assert f'"{bad.rpartition(",")[2]}"' in message
    assert accepted in message


@pytest.mark.parametrize(
    "field", ["side", "model", "version", "facing", "mirrored", "strict", "people"]
)
def test_an_option_given_twice(door: Door, photo: bytes, field: str) -> None:
    response = door.post(**form(photo, **{field: ["x", "x"]}))
    message = refused(response, 400, "invalid_request", field)
    assert f'"{field}" was given 2 times' in message


def test_several_models(door: Door, photo: bytes) -> None:
    response = door.post(**form(photo, model="movenet-thunder,movenet-lightning"))
    refused(response, 400, "invalid_request", "model")


@pytest.mark.parametrize("value", [1.5, {"a": 1}, [["left"]], [None], "x" * 2001, 10**2001])
@pytest.mark.parametrize("field", ["measurement", "side", "model", "people", "include"])
def test_values_that_are_no_short_text(door: Door, field: str, value: object) -> None:
    fields = {"image": "aGk=", "measurement": NAME, field: value}
    response = door.post(data=json.dumps(fields), headers={"Content-Type": "application/json"})
    message = refused(response, 400, "invalid_request", field)
    assert len(message) < 200


def test_a_file_in_place_of_text(door: Door, photo: bytes) -> None:
    files = {"image": photo, "side": photo}
    response = door.post(files=files, data={"measurement": NAME})
    refused(response, 400, "invalid_request", "side")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/nothing", "/detect/", "/jointtrack/v1", "/v2/detect", "/{a}"])
def test_not_found(door: Door, method: str, path: str) -> None:
    message = refused(door.get(path, method), 404, "not_found")
    assert DOCUMENTED_PATH in message


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/detect", "POST"),
        ("PUT", DOCUMENTED_PATH, "POST"),
        ("DELETE", DOCUMENTED_PATH, "POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_method_not_allowed(door: Door, method: str, path: str, allowed: str) -> None:
    response = door.get(path, method)
    message = refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == allowed
    assert message == f"{method} is not allowed at {path}. Send {allowed}."


@pytest.mark.parametrize(
    "content_type", ["", "image/jpeg", "text/plain", "application/xml", "multipart/mixed", ";", "é"]
)
def test_body_types(door: Door, photo: bytes, content_type: str) -> None:
    response = door.post(data=photo, headers={"Content-Type": content_type})
    message = refused(response, 415, "unsupported_media_type")
    assert f'"{content_type}"' in message
    assert "multipart/form-data, application/json" in message


def test_draining(open_door: Callable[..., Door], photo: bytes) -> None:
    door = open_door()
    door.server.app.state.serving = False
    try:
        for response in (door.post(**form(photo)), door.get("/readyz")):
            refused(response, 503, "draining")
            assert response.headers["Retry-After"] == "1"
        assert door.get("/healthz").status_code == 200
    finally:
        door.server.app.state.serving = True
    assert door.post(**form(photo)).status_code == 200


def test_overloaded(open_door: Callable[..., Door], photo: bytes) -> None:
    door = open_door(workers=2, max_queue=0)
    with busy(door.server, workers=2):
        response = door.post(**form(photo))
        message = refused(response, 503, "overloaded")
        assert "Try again" in message
        assert response.headers["Retry-After"] == "1"


def test_waiting_too_long_for_a_worker(open_door: Callable[..., Door], photo: bytes) -> None:
    door = open_door(workers=1, max_queue=1, http_timeout_s=1.0)
    answers: list[Any] = []
    with busy(door.server, workers=1):
        caller = threading.Thread(target=lambda: answers.append(door.post(**form(photo))))
        caller.start()
        eventually(lambda: door.server.app.runner.in_flight == 2)
        time.sleep(1.2)
    caller.join(BLOCKED_S)
    refused(answers[0], 503, "overloaded")
    assert answers[0].headers["Retry-After"] == "1"


@pytest.mark.parametrize("include", ["", "details"])
def test_the_unexpected_leaks_nothing(
    open_door: Callable[..., Door],
    photo: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    include: str,
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise ValueError("/secret/path/of/the/house")

    door = open_door()
    caplog.handler.addFilter(add_ids)
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr("jointtrack_server.pipeline.detect.measure", fail)
        response = door.post(**form(photo, include=include))
    message = refused(response, 500, "internal")
    assert message == "The server failed. Report the request id to its operator."
    everything = response.text + str(response.headers)
    for secret in ("secret", "house", "ValueError", "Traceback", ".py", "/jointtrack"):
        assert secret not in everything
    (record,) = (one for one in caplog.records if one.exc_info)
    assert vars(record)["request_id"] == response.headers["X-Request-Id"]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "/secret/path/of/the/house" in str(record.exc_info[1])
    assert door.post(**form(photo)).status_code == 200


def test_request_ids(door: Door) -> None:
    ids = {door.get("/healthz").headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3
    given = {"X-Request-Id": "case-7.b_1"}
    response = door.post(json={}, headers=given)
    refused(response, 400, "missing_image", "image")
    assert response.headers["X-Request-Id"] == "case-7.b_1"
    for bad in ("a b", "x" * 65, "<script>", door.server.api_key, f"a.{door.server.api_key}"):
        response = door.post(json={}, headers={"X-Request-Id": bad})
        assert response.headers["X-Request-Id"] != bad
