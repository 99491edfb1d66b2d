"""Pages of other origins: which may call, and what they may read."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from jointtrack_server.settings import Settings
from tests.support.http import DOCUMENTED_PATH, TIMEOUT_S, Door, read_response, refused
from tests.support.servers import run_server

APP, OTHER = "https://app.example.com", "https://evil.example.com"
HEADERS = "content-type,x-api-key,x-request-id"
ALLOWED, EXPOSED = "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    options: dict[str, Any] = {"cors_origins": (APP, "http://localhost:3000")}
    with run_server(tmp_path_factory.mktemp("cors"), max_head_bytes=4096, **options) as server:
        yield Door(server)


def preflight(door: Door, origin: str, headers: str = HEADERS) -> requests.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
    url = door.server.url + DOCUMENTED_PATH
    return requests.options(url, headers={"Origin": origin, **asked}, timeout=TIMEOUT_S)


def crosses(response: requests.Response, origin: str = APP) -> None:
    assert response.headers[ALLOWED] == origin
    assert response.headers[EXPOSED] == "X-Request-Id, Retry-After"
    assert "Access-Control-Allow-Credentials" not in response.headers
    if origin != "*":
        assert "Origin" in response.headers["Vary"]


def test_a_preflight(crossing: Door) -> None:
    response = preflight(crossing, APP)
    assert response.status_code == 200
    assert response.headers[ALLOWED] == APP
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {*HEADERS.split(","), "traceparent", "tracestate"} <= set(allowed)
    assert "Origin" in response.headers["Vary"]
    assert preflight(crossing, OTHER).status_code == 400
    assert ALLOWED not in preflight(crossing, OTHER).headers
    assert preflight(crossing, APP, "x-anything").status_code == 400


def test_answers_and_refusals_cross(crossing: Door, photo: bytes) -> None:
    form: dict[str, Any] = {"files": {"image": photo}, "data": {"measurement": "splits"}}
    answered = crossing.post(headers={"Origin": APP}, **form)
    assert answered.status_code == 200
    assert {"Origin", "Accept-Encoding"} == set(answered.headers["Vary"].split(", "))
    crosses(answered)
    refusals: list[tuple[dict[str, str], int]] = [
        ({"X-API-Key": "wrong"}, 401),
        ({"Content-Encoding": "gzip"}, 415),
        ({"X-Fill": "x" * 5000}, 431),
    ]
    for headers, status in refusals:
        response = crossing.post(headers={"Origin": APP, **headers}, **form)
        assert response.status_code == status
        crosses(response)
    assert ALLOWED not in crossing.post(headers={"Origin": OTHER}, **form).headers
    assert ALLOWED not in crossing.post(**form).headers


def test_a_body_that_is_refused_unread_crosses(crossing: Door) -> None:
    head = crossing.head(f"Origin: {APP}", "Content-Type: image/png", "Content-Length: 999999999")
    with crossing.connect() as connection:
        connection.sendall(head)
        response = read_response(connection)
    assert response.status_code == 415
    assert response.headers["Connection"] == "close"
    crosses(response)


def test_the_unexpected_crosses(
    crossing: Door, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jointtrack_server.pipeline.detect.measure", None)
    response = crossing.post(
        headers={"Origin": APP}, files={"image": photo}, data={"measurement": "splits"}
    )
    refused(response, 500, "internal")
    crosses(response)


def test_refusals_before_a_request_is_read(open_door: Callable[..., Door]) -> None:
    """The only origin is taken for the caller's, where nobody knows it."""
    door = open_door(cors_origins=(APP,), max_connections=1)
    with door.connect() as first:
        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        assert read_response(first).status_code == 200
        with door.connect() as second:
            response = read_response(second)
        refused(response, 503, "overloaded")
        crosses(response)
        first.sendall(b"nonsense\r\n\r\n")
        garbage = read_response(first)
    refused(garbage, 400, "invalid_request")
    crosses(garbage)


def test_any_origin_and_no_cookies(open_door: Callable[..., Door]) -> None:
    door = open_door(cors_origins=("*",), max_head_bytes=1024)
    assert preflight(door, OTHER).headers[ALLOWED] == "*"
    for headers in ({"Origin": OTHER, "Cookie": "a=b"}, {"Origin": OTHER, "X-Fill": "x" * 1100}):
        crosses(door.post(json={}, headers=headers), "*")


def test_without_the_setting_nothing_crosses(door: Door) -> None:
    assert preflight(door, APP).status_code == 405
    response = door.post(json={}, headers={"Origin": APP})
    assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "app.example.com",
        "https://app.example.com/",
        "https://*.example.com",
        "null",
        "HTTPS://A",
    ],
)
def test_what_is_no_origin(origin: str) -> None:
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings(cors_origins=(origin,))


def test_origins_of_apps() -> None:
    origins = ("capacitor://localhost", "http://192.168.1.5:8100", "http://[::1]:3000", "*")
    assert Settings(cors_origins=origins).cors_origins == origins


def test_what_the_caller_called_a_refused_request(crossing: Door) -> None:
    """A head that is too large has a name all the same."""
    named = "X-Request-Id: my-request.1"
    with crossing.connect() as connection:
        connection.sendall(crossing.head(named, "X-Fill: " + "x" * 5000))
        response = read_response(connection)
    refused(response, 431, "head_too_large")
    assert response.headers["X-Request-Id"] == "my-request.1"
    with crossing.connect() as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nX-Request-Id: my-request.2\r\nHost: test\r\n:\r\n\r\n"
        )
        response = read_response(connection)
    refused(response, 400, "invalid_request")
    assert response.headers["X-Request-Id"] == "my-request.2"
