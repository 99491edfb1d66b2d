"""The answers and refusals that our OpenAPI document shows, asked of a real server.

Run as a module, it writes them into the server's examples.json.
"""

import base64
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import requests
from PIL import Image

from jointtrack_server.access.caller import Plan, Scope
from jointtrack_server.rest_api import openapi
from jointtrack_server.rest_api.openapi_request import EXAMPLE_URL, JSON, request_body
from tests.support.busy import busy
from tests.support.hostile import HostileServer, hostile_server, ok
from tests.support.http import Door
from tests.support.servers import DATA, run_server
from tests.support.waiting import eventually, within_one_minute

EXAMPLES = Path(openapi.__file__).with_name("examples.json")
_SHOWN_CHARACTERS = 80
_NAME = "shoulder_abduction"
_UNKNOWN_KEY = "jt_00000000_" + "a" * 32
_REQUEST_ID = {"X-Request-Id": "9f86d081884c7d65"}


def small_picture() -> str:
    """The sample picture at a quarter of its size, so that it can stand in a document."""
    file = BytesIO()
    Image.open(DATA / "arms_out_front.jpg").resize((153, 170)).save(file, "JPEG", quality=70)
    return base64.b64encode(file.getvalue()).decode()


@dataclass(frozen=True)
class ExampleServer:
    """A server that is easily overloaded, and what the examples' URL leads to."""

    door: Door
    data_dir: Path
    pictures: HostileServer

    def reachable(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of an example, with a URL that exists."""
        url = self.pictures.url("/picture.jpg")
        return {name: url if value == EXAMPLE_URL else value for name, value in fields.items()}


@contextmanager
def example_server(picture: str, data_dir: Path) -> Iterator[ExampleServer]:
    options = {"workers": 2, "max_queue": 1, "http_timeout_s": 2.0}
    with ExitStack() as stack:
        picture_file = ok(base64.b64decode(picture))
        pictures = stack.enter_context(hostile_server({"/picture.jpg": picture_file}))
        fetching = {"fetch_private": ("127.0.0.1/32",), "fetch_ports": (80, pictures.port)}
        server = stack.enter_context(run_server(data_dir, **options, **fetching))
        yield ExampleServer(Door(server), data_dir, pictures)


def answers(server: ExampleServer, picture: str) -> dict[str, Any]:
    """Of the JSON examples, by their names; pictures are cut short."""
    examples = request_body(picture)["content"][JSON]["examples"]
    collected = {}
    for name, example in examples.items():
        response = server.door.post(json=server.reachable(example["value"]))
        assert response.status_code == 200, response.text
        collected[name] = response.json(object_hook=_shortened)
    return collected


def _shortened(node: dict[str, Any]) -> dict[str, Any]:
    if "data" in node:
        node["data"] = node["data"][:_SHOWN_CHARACTERS] + "..."
    return node


def refusals(server: ExampleServer, picture: str) -> dict[str, Any]:
    """What a caller meets, by its code: (status, body)."""
    found = (*_of_the_request(server, picture), *_of_the_server(server, picture))
    return {one.json()["error"]["code"]: one.json() for one in found}


def _of_the_request(server: ExampleServer, picture: str) -> Iterator[requests.Response]:
    door = server.door
    good = {"image": picture, "measurement": _NAME}
    nobody = base64.b64encode(_nobody()).decode()
    for fields in (
        {"measurement": _NAME},
        good | {"image": "aGk="},
        good | {"image_url": EXAMPLE_URL},
        {"image": picture},
        good | {"measurement": "neck_rotation"},
        good | {"side": "up"},
        good | {"model": "yolo"},
        good | {"people": 9},
        good | {"image": nobody},
        good | {"image": "http://169.254.169.254/latest"},
    ):
        yield door.post(json=fields, headers=_REQUEST_ID)
    yield door.post(data=b"hello", headers=_REQUEST_ID | {"Content-Type": "text/plain"})
    keys = door.server.app.keys
    assert keys is not None
    streams, _ = keys.create("streams", scopes=frozenset({Scope.STREAM}))
    for key in ("", _UNKNOWN_KEY, streams):
        yield door.post(json=good, headers=_REQUEST_ID | {"X-API-Key": key})
    for plan in (Plan("small", month_pictures=1), Plan("slow", minute_requests=1)):
        keys.put_plan(plan)
        headers = _REQUEST_ID | {"X-API-Key": keys.create("other", plan=plan.name)[0]}
        within_one_minute(5)
        assert door.post(json=good, headers=headers).status_code == 200
        yield door.post(json=good, headers=headers)
    raw_id = "X-Request-Id: " + _REQUEST_ID["X-Request-Id"]
    json_type = "Content-Type: application/json"
    yield door.exchange(door.head(raw_id, json_type, "Content-Length: 99999999"))
    yield door.exchange(door.head(raw_id, json_type, "Content-Length: 9"))
    yield door.exchange(door.head(raw_id, "X-Fill: " + "x" * 17_000))


def _nobody() -> bytes:
    file = BytesIO()
    Image.new("RGB", (100, 100)).save(file, "PNG")
    return file.getvalue()


def _of_the_server(server: ExampleServer, picture: str) -> Iterator[requests.Response]:
    door, good = server.door, {"image": picture, "measurement": _NAME}

    def fail(*_: object, **__: object) -> NoReturn:
        raise ValueError

    with patch("jointtrack_server.pipeline.detect.measure", fail):
        yield door.post(json=good, headers=_REQUEST_ID)
    with ThreadPoolExecutor() as threads, busy(door.server, workers=2):
        waiting = threads.submit(door.post, json=good)
        eventually(lambda: door.server.app.runner.in_flight == 3)
        yield door.post(json=good, headers=_REQUEST_ID)
    assert waiting.result().status_code in {200, 503}
    elsewhere = server.data_dir.with_name("elsewhere")
    server.data_dir.rename(elsewhere)
    try:
        yield door.post(json=good, headers=_REQUEST_ID | {"X-API-Key": _UNKNOWN_KEY})
    finally:
        elsewhere.rename(server.data_dir)
    state = door.server.app.state
    state.serving = False
    try:
        yield door.post(json=good, headers=_REQUEST_ID)
    finally:
        state.serving = True


def main() -> None:
    picture = small_picture()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder, "data")
        data_dir.mkdir()
        with example_server(picture, data_dir) as server:
            document = {
                "picture": picture,
                "answers": answers(server, picture),
                "refusals": refusals(server, picture),
            }
    EXAMPLES.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
