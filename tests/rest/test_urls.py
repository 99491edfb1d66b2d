"""Pictures by URL through the HTTP door: fetched, refused, and what goes on beside a slow one."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.fetching import wait_until
from tests.support.hostile import (
    HostileServer,
    Talk,
    head,
    held_until,
    hostile_server,
    ok,
    redirect,
    silence,
)
from tests.support.http import Door, refused
from tests.support.servers import run_server

NAME = "shoulder_abduction"
ANSWERS: dict[str, bytes | Talk] = {
    "/photo.jpg": ok(),
    "/to/photo": redirect("/photo.jpg"),
    "/slow": silence,
    "/text": ok(b"hello"),
    "/gif": ok(b"GIF89a" + bytes(50)),
    "/page": ok(b"<html>secret</html>", "Content-Type: text/html"),
    "/large": ok(bytes(400_000)),
    "/missing": head("404 Not Found", "Content-Length: 6") + b"secret",
    "/metadata": redirect("http://169.254.169.254/latest/meta-data/"),
    "/loopback": redirect("http://127.0.0.2:{port}/photo.jpg"),
}


@pytest.fixture(scope="module")
def picture_server() -> Iterator[HostileServer]:
    with hostile_server(ANSWERS) as server:
        yield server


@pytest.fixture
def pictures(picture_server: HostileServer) -> HostileServer:
    wait_until(lambda: picture_server.open == 0)
    picture_server.forget()
    return picture_server


@pytest.fixture(scope="module")
def fetching_door(
    picture_server: HostileServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """May fetch from the picture server."""
    with run_server(
        tmp_path_factory.mktemp("fetching"),
        fetch_private=("127.0.0.1/32",),
        fetch_ports=(picture_server.port,),
        max_image_bytes=300_000,
    ) as running:
        yield Door(running)


@pytest.fixture(scope="module")
def careful_door(
    picture_server: HostileServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """May ask that port, of public addresses only."""
    data = tmp_path_factory.mktemp("careful")
    with run_server(data, fetch_ports=(picture_server.port,)) as running:
        yield Door(running)


def by_url(door: Door, url: str) -> Any:
    return door.post(json={"image": url, "measurement": NAME})


@pytest.mark.parametrize("path", ["/photo.jpg", "/photo.jpg?a=b", "/to/photo"])
@pytest.mark.parametrize("field", ["image", "image_url"])
def test_a_url_gives_the_answer_of_the_picture(
    fetching_door: Door, pictures: HostileServer, photo: bytes, field: str, path: str
) -> None:
    expected = fetching_door.detect(photo)
    fields = {field: pictures.url(path), "measurement": NAME}
    parts = {name: (None, value) for name, value in fields.items()}
    for request in ({"json": fields}, {"data": fields}, {"files": parts}):
        response = fetching_door.post(**request)
        assert response.status_code == 200, response.text
        assert response.json() == expected


REFUSED = {
    "/page": "Content-Type",
    "/large": "400000 bytes, the limit is 300000",
    "/missing": "status 404",
    "/metadata": "port 80",
    "/loopback": '"127.0.0.2" has no public address',
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_fetch_that_fails_and_the_next_request(
    fetching_door: Door, pictures: HostileServer, path: str
) -> None:
    response = by_url(fetching_door, pictures.url(f"{path}?token=t0ken"))
    message = refused(response, 424, "image_fetch_failed", "image")
    assert REFUSED[path] in message
    assert "secret" not in response.text
    assert "t0ken" not in response.text
    assert by_url(fetching_door, pictures.url("/photo.jpg")).status_code == 200


def test_what_is_fetched_is_checked_like_what_is_sent(
    fetching_door: Door, pictures: HostileServer
) -> None:
    refused(by_url(fetching_door, pictures.url("/text")), 400, "invalid_image", "image")
    refused(by_url(fetching_door, pictures.url("/gif")), 415, "unsupported_media_type", "image")


HOSTS = [
    *("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"),
    *("2130706433", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "127。0。0。1"),
    *("user:secret@127.0.0.1",),
]


@pytest.mark.parametrize("host", HOSTS)
def test_nothing_inside_is_reached(
    careful_door: Door, pictures: HostileServer, photo: bytes, host: str
) -> None:
    response = by_url(careful_door, f"http://{host}:{pictures.port}/photo.jpg")
    assert "secret" not in refused(response, 424, "image_fetch_failed", "image")
    assert pictures.connections == 0
    assert careful_door.detect(photo)["status"] == "ok"


def test_ports_other_than_the_webs_are_refused(
    door: Door, pictures: HostileServer, photo: bytes
) -> None:
    message = refused(by_url(door, pictures.url("/")), 424, "image_fetch_failed", "image")
    assert "Use one of: 80, 443" in message
    assert pictures.connections == 0
    assert door.detect(photo)["status"] == "ok"


def test_fetching_can_be_turned_off(
    open_door: Callable[..., Door], pictures: HostileServer, photo: bytes
) -> None:
    door = open_door(fetch_urls=False)
    for url in (pictures.url("/photo.jpg"), "HTTPS://example.com/a.jpg?x=1"):
        assert "disabled" in refused(by_url(door, url), 424, "image_fetch_failed", "image")
    assert pictures.connections == 0
    assert door.detect(photo)["status"] == "ok"


def test_hosts_can_be_limited(open_door: Callable[..., Door], pictures: HostileServer) -> None:
    networks = ("127.0.0.0/8", "::1/128")
    door = open_door(
        fetch_hosts=("localhost", "*.example.com"),
        fetch_ports=(pictures.port,),
        fetch_private=networks,
    )
    assert by_url(door, pictures.url("/photo.jpg", "localhost")).status_code == 200
    response = by_url(door, pictures.url("/photo.jpg", "127.0.0.1"))
    assert "no pictures from" in refused(response, 424, "image_fetch_failed", "image")


def test_a_slow_server_holds_no_worker(open_door: Callable[..., Door], photo: bytes) -> None:
    """The only worker serves others while four requests wait for their pictures."""
    with held_pictures() as (pictures, go_on), ThreadPoolExecutor() as pool:
        door = open_door(workers=1, **patience_with(pictures))
        slow = [pool.submit(by_url, door, pictures.url("/slow")) for _ in range(4)]
        wait_until(lambda: pictures.open == 4)
        expected = [door.detect(photo) for _ in range(3)]
        assert not any(one.done() for one in slow)
        go_on.set()
        assert [one.result(60).json() for one in slow] == [expected[0]] * 4


def test_too_many_at_once(open_door: Callable[..., Door]) -> None:
    with held_pictures() as (pictures, go_on), ThreadPoolExecutor() as pool:
        door = open_door(max_fetches=2, **patience_with(pictures))
        slow = pool.submit(by_url, door, pictures.url("/slow"))
        wait_until(lambda: pictures.open == 1)
        response = by_url(door, pictures.url("/photo.jpg"))
        assert "2 pictures at once, 1 for one caller" in refused(response, 503, "overloaded")
        assert response.headers["Retry-After"] == "1"
        assert fetches_with(another_key(door), door, pictures)
        go_on.set()
        assert slow.result(60).status_code == 200
        assert by_url(door, pictures.url("/photo.jpg")).status_code == 200


def test_a_slow_server_is_cut_off(open_door: Callable[..., Door], pictures: HostileServer) -> None:
    door = open_door(**patience_with(pictures) | {"fetch_timeout_s": 3})
    message = refused(by_url(door, pictures.url("/slow")), 424, "image_fetch_failed", "image")
    assert "did not come within 3 s" in message
    wait_until(lambda: pictures.open == 0)
    assert by_url(door, pictures.url("/photo.jpg")).status_code == 200


def test_the_time_of_a_request_counts_fetching_too(
    open_door: Callable[..., Door], pictures: HostileServer
) -> None:
    door = open_door(**patience_with(pictures) | {"http_timeout_s": 5})
    response = by_url(door, pictures.url("/slow"))
    assert "deadline passed while the picture" in refused(response, 503, "overloaded")
    wait_until(lambda: pictures.open == 0)
    assert by_url(door, pictures.url("/photo.jpg")).status_code == 200


def another_key(door: Door) -> str:
    """A second caller's."""
    assert door.server.app.keys is not None
    return door.server.app.keys.create("another")[0]


def fetches_with(key: str, door: Door, pictures: HostileServer) -> bool:
    """Once the server knows the key, which takes it up to a second."""
    fields = {"image": pictures.url("/photo.jpg"), "measurement": NAME}
    for _ in range(100):
        response = door.post(json=fields, headers={"X-API-Key": key})
        if response.status_code != 401:
            return response.status_code == 200
        time.sleep(0.1)
    return False


@contextmanager
def held_pictures() -> Iterator[tuple[HostileServer, threading.Event]]:
    """/slow is answered when the event is set."""
    go_on = threading.Event()
    answers: dict[str, bytes | Talk] = {"/slow": held_until(go_on, ok()), "/photo.jpg": ok()}
    with hostile_server(answers) as server:
        try:
            yield server, go_on
        finally:
            go_on.set()


def patience_with(pictures: HostileServer) -> dict[str, Any]:
    return {
        "fetch_private": ("127.0.0.1/32",),
        "fetch_ports": (pictures.port,),
        "fetch_timeout_s": 60,
        "http_timeout_s": 60,
    }
